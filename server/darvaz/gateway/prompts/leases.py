"""Who is at the prompt of which device: one session at a time, which ends some time after its last use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from darvaz.gateway.devices.errors import CommandError

LEASE_S = 60.0


class InUseError(CommandError):
    """Somebody else is at the prompt of the device."""

    status = 409
    code = "in_use"


@dataclass(slots=True)
class Lease:
    """One session at the prompt of a device; `uses` counts code that runs for it now."""

    session: str
    holder: str
    used_s: float
    uses: int = 0


class Leases:
    """The leases by device."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._held: dict[str, Lease] = {}

    def take(self, device: str, session: str, holder: str) -> Lease:
        """Returns the lease of a session, made or renewed; raises `InUseError` while another one has it."""
        lease, now_s = self._held.get(device), self._monotonic_s()
        if lease is not None and lease.session != session and not self._is_over(lease, now_s):
            left_s = 0.0 if lease.uses else lease.used_s + LEASE_S - now_s
            raise InUseError(
                f"{lease.holder} is at the prompt of {device}: it is free {left_s:.0f} s from now,"
                " if it is not used until then"
            )
        if lease is None or lease.session != session:
            lease = self._held[device] = Lease(session, holder, now_s)
        lease.used_s = now_s
        return lease

    def has(self, device: str, session: str) -> bool:
        """Returns whether a session has the lease of a device."""
        lease = self._held.get(device)
        return lease is not None and lease.session == session

    def release(self, device: str, session: str) -> bool:
        """Ends the lease of a session and returns whether it had one."""
        lease = self._held.get(device)
        if lease is None or lease.session != session:
            return False
        del self._held[device]
        return True

    def expired(self) -> list[tuple[str, str]]:
        """Returns device and session of the leases that nobody has used for `LEASE_S`."""
        now_s = self._monotonic_s()
        return [(device, lease.session) for device, lease in self._held.items() if self._is_over(lease, now_s)]

    def __len__(self) -> int:
        return len(self._held)

    def _is_over(self, lease: Lease, now_s: float) -> bool:
        return not lease.uses and now_s - lease.used_s >= LEASE_S
