"""What a session hands to its shell: events to act on, and writes to put on the wire in order."""

from __future__ import annotations

from typing import Any

import msgspec

from darvaz.faults import Fault
from darvaz.protocol import Message

# Events: what the shell must act on. None of them can be part of a cycle, so the collector need not look.


class TokenShown(msgspec.Struct, frozen=True, gc=False):
    """A token came as first message: answer with `admit` or `refuse`."""

    token: str


class Introduced(msgspec.Struct, frozen=True, gc=False):
    """The device said who it is: answer with `welcome` or `refuse`."""

    message: Any
    text: str


class Heard(msgspec.Struct, frozen=True, gc=False):
    """A message of an open conversation, and its text as it came."""

    message: Message
    text: str


class Framed(msgspec.Struct, frozen=True, gc=False):
    """One JPEG frame, as it came."""

    data: bytes


class Faulted(msgspec.Struct, frozen=True, gc=False):
    """A packet broke a rule; `text` is None where it may hold a secret or was not text."""

    fault: Fault
    text: str | None


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The session ended by the gateway's will."""

    code: int
    fault: Fault


Event = TokenShown | Introduced | Heard | Framed | Faulted | Closed

# Writes: what the shell must put on the wire, in order.


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One text packet and the type of message that it holds."""

    type: str
    text: str


class Close(msgspec.Struct, frozen=True, gc=False):
    """The close packet: nothing follows it."""

    code: int
    reason: str


Write = Packet | Close
