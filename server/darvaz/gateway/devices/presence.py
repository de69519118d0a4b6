"""What the hub keeps of a device while that is connected: its link, its introduction, the commands that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.errors import TimedOutError
from darvaz.gateway.devices.last_arguments import kept_arguments
from darvaz.protocol.codec import Message

PENDING_PER_DEVICE_MAX = 64
SENT_MAX = 2 * PENDING_PER_DEVICE_MAX
# What a command and its answer take on their way, beyond the deadline that the device declared.
ON_THE_WAY_S = 2.0


class Link(Protocol):
    """What the hub needs of a live connection."""

    kind_name: str
    address: str
    device: str | None
    protection: Protection

    def send_command(self, message: Message) -> bool: ...
    def close(self, name: str, message: str) -> None: ...


@dataclass(slots=True)
class Presence:
    """A connected device."""

    link: Link
    introduction: dict[str, Any]
    """The fields of its `connect`."""
    since_unix_s: float
    pending: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    """Id of a command → the future of its result; at most `PENDING_PER_DEVICE_MAX`."""
    sent: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Id of a command → its name, and the arguments to keep once it is carried out; the newest `SENT_MAX`."""

    @property
    def protection(self) -> Protection:
        """Returns how the link is protected."""
        return self.link.protection

    def remember_sent(self, identity: int, name: str, args: Mapping[str, Any]) -> None:
        """Notes a command that was sent: its acknowledgement may come after its deadline."""
        self.sent[identity] = (name, kept_arguments(args, self.introduction.get("commands", {}).get(name)))
        if len(self.sent) > SENT_MAX:
            del self.sent[next(iter(self.sent))]


def declared_deadline_s(introduction: Mapping[str, Any], name: str) -> float:
    """Returns how long a device itself takes for a command at most, with its way; 0 if it did not say."""
    declared_s: float = introduction.get("deadlines_s", {}).get(name, 0)
    return declared_s + ON_THE_WAY_S if declared_s else 0


def give_up(answer: asyncio.Future[Any], sentence: str, deadline_s: float) -> None:
    """Ends the wait for the answer of a device that did not come in time."""
    if not answer.done():
        answer.set_exception(TimedOutError(f"{sentence} within {deadline_s:g} s"))
