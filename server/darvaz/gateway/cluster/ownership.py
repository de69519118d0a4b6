"""Which gateway has the link of a device; has no clock and no I/O.

The bucket puts the claims of all gateways in one order: the newest link wins, wherever it is, and its revision is the
number that tells an older one from it. A claim that could not be written while its link was new yields to one that
was: it may be the older of the two.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from darvaz.gateway.cluster.records import LinkRecord


class Outcome(enum.Enum):
    """What an entry of the bucket changes here."""

    NOTHING = enum.auto()
    CHANGED = enum.auto()
    """The device has a link elsewhere, another one, or no longer."""
    LOST = enum.auto()
    """A newer link elsewhere takes the place of the one here."""
    FORGOTTEN = enum.auto()


@dataclass(slots=True)
class Claim:
    """A link that this gateway has."""

    serial: int
    base: int
    """The revision of the device's entry when the link began; 0 without one."""
    revision: int | None = None
    """Of the own entry, once that is known."""
    rival: int = 0
    """The newest revision of another gateway's entry that came before the own revision was known."""


@dataclass(slots=True, frozen=True)
class _Seen:
    """The newest entry of a device."""

    revision: int
    node: str | None
    """The gateway that has a link; None after its end, and of a deleted entry."""


class Ownership:
    """The claims of this gateway, and the newest entries of all."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._serial = 0
        self._claims: dict[str, Claim] = {}
        self._seen: dict[str, _Seen] = {}

    def claim(self, device: str) -> Claim:
        """Takes that a device has a new link here."""
        self._serial += 1
        claim = self._claims[device] = Claim(self._serial, self.revision_of(device))
        return claim

    def claim_of(self, device: str) -> Claim | None:
        return self._claims.get(device)

    def release(self, device: str) -> Claim | None:
        """Takes that the link of a device has ended; returns its claim, or None if that was lost before."""
        return self._claims.pop(device, None)

    @property
    def claimed(self) -> list[str]:
        return list(self._claims)

    def confirm(self, device: str, serial: int, revision: int) -> Outcome:
        """Takes that a claim was written."""
        claim = self._claims.get(device)
        if claim is None or claim.serial != serial or claim.revision is not None:
            return Outcome.NOTHING
        claim.revision = revision
        if claim.rival > revision:
            del self._claims[device]
            return Outcome.LOST
        return Outcome.NOTHING

    def give_up(self, device: str, serial: int) -> Outcome:
        """Takes that another gateway's claim is valid, and this one was not written."""
        claim = self._claims.get(device)
        if claim is None or claim.serial != serial:
            return Outcome.NOTHING
        del self._claims[device]
        return Outcome.LOST

    def hear(self, device: str, record: LinkRecord | None, revision: int) -> Outcome:
        """Takes the newest entry of a device, None if it was deleted."""
        before = self._seen.get(device)
        node = record.node if record is not None and record.is_online else None
        self._seen[device] = _Seen(revision, node)
        claim = self._claims.get(device)
        if record is not None and record.node == self._own:
            return self.confirm(device, record.serial, revision) if record.is_online else Outcome.NOTHING
        if claim is None:
            if record is None:
                return Outcome.FORGOTTEN
            return Outcome.CHANGED if before is None or before.node != node or node is not None else Outcome.NOTHING
        return self._contest(device, claim, record, revision)

    def _contest(self, device: str, claim: Claim, record: LinkRecord | None, revision: int) -> Outcome:
        """Decides about an entry of another gateway for a device that has a link here."""
        if record is not None and not record.is_online:
            return Outcome.NOTHING
        if claim.revision is None:
            claim.rival = revision if record is not None else claim.rival
            return Outcome.NOTHING
        if revision < claim.revision:
            return Outcome.NOTHING
        del self._claims[device]
        return Outcome.FORGOTTEN if record is None else Outcome.LOST

    def owner_of(self, device: str) -> str | None:
        """Returns the other gateway that has the newest link of a device, dead or alive; None if that is here."""
        if device in self._claims:
            return None
        seen = self._seen.get(device)
        return None if seen is None or seen.node == self._own else seen.node

    def revision_of(self, device: str) -> int:
        """Returns the revision of the newest entry of a device; 0 without one."""
        seen = self._seen.get(device)
        return 0 if seen is None else seen.revision

    def knows(self, device: str) -> bool:
        """Returns whether there is an entry of a device, or was one."""
        return device in self._seen

    def devices_of(self, node: str) -> list[str]:
        """Returns the devices whose newest link is at a gateway."""
        return [device for device, seen in self._seen.items() if seen.node == node and device not in self._claims]

    def reset(self) -> None:
        """Takes that the bucket is another one: nothing is written there."""
        self._seen.clear()
        for claim in self._claims.values():
            claim.base, claim.revision, claim.rival = 0, None, 0
