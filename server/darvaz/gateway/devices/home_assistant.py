"""What the gateway knows of a board's node for Home Assistant, whether or not the library for nodes is installed."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec
from msgspec import Meta


class NodeState(msgspec.Struct, kw_only=True):
    """One board as Home Assistant sees it."""

    device: str
    name: Annotated[str, Meta(description="Its host name, without `.local`.")]
    port: int
    is_encrypted: Annotated[bool, Meta(description="Whether Home Assistant has chosen a key.")]
    is_discoverable: Annotated[bool, Meta(description="Whether mDNS announces it now.")]
    refused: Annotated[int, Meta(description="How many clients were sent away, most for a wrong key or none.")]
    clients: Annotated[list[str], Meta(description="What is connected to it.")]


class NodeList(Protocol):
    """The nodes of all boards."""

    def describe(self) -> list[NodeState]:
        """Returns every node."""

    def forget_key(self, device: str) -> bool:
        """Removes the key of a node; returns False if there is no such node."""


class NodeSwitch(Protocol):
    """Shows the boards to Home Assistant, or not."""

    @property
    def remedy(self) -> str:
        """How to install what nodes need; "" if it is there."""

    async def turn(self, *, is_on: bool) -> None:
        """Turns nodes on or off, from now on and after a restart; `remedy` is to be empty."""
