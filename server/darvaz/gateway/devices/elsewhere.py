"""Links that devices have at other gateways: what the hub asks about them; a gateway by itself has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.errors import OfflineError
from darvaz.protocol.codec import Message


class RemoteLink(NamedTuple):
    """A link at another gateway."""

    node: str
    """The gateway."""
    address: str
    since_unix_s: float
    protection: Protection | None = None
    """None where the other gateway does not tell, or something that this one does not know."""


class Elsewhere(Protocol):
    """The links of other gateways. Used from the event loop only."""

    @property
    def count(self) -> int: ...

    def find(self, device: str) -> RemoteLink | None:
        """Returns the link that a device has at another gateway, if it has one."""

    def takes(self, device: str, *, is_here: bool) -> bool:
        """Returns whether commands for a device are for `command`: it has a link there, or is about to."""

    async def command(self, device: str, name: str, args: Mapping[str, Any], deadline_s: float) -> Any:
        """Has the other gateway send a command; returns its result, or raises a `CommandError`."""

    def send_message(self, device: str, message: Message) -> bool:
        """Has the other gateway send a message of a prompt; returns whether it could be passed on."""

    async def snapshot(self, device: str, deadline_s: float) -> bytes:
        """Has the other gateway take a picture; returns the JPEG, or raises a `CommandError`."""

    def forget(self, device: str) -> None:
        """Has all other gateways forget a device."""


class Nowhere:
    """There are no other gateways."""

    count = 0

    def find(self, device: str) -> RemoteLink | None:
        """Returns None."""
        return None

    def takes(self, device: str, *, is_here: bool) -> bool:
        """Returns that they are not."""
        return False

    async def command(self, device: str, name: str, args: Mapping[str, Any], deadline_s: float) -> Any:
        """Raises `OfflineError`."""
        raise OfflineError(f"{device} is offline")

    def send_message(self, device: str, message: Message) -> bool:
        """Returns that it could not."""
        return False

    async def snapshot(self, device: str, deadline_s: float) -> bytes:
        """Raises `OfflineError`."""
        raise OfflineError(f"{device} is offline")

    def forget(self, device: str) -> None:
        """Does nothing."""
