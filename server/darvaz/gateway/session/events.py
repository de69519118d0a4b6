"""What a session exchanges with its link: limits in; states, events to act on and writes to send out."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from darvaz.protocol.faults import Fault


class SessionState(enum.Enum):
    """Where a conversation stands; the names are those of `x-states` in the schema."""

    WAITING_FOR_TOKEN = "waiting_for_token"
    WAITING_FOR_CONNECT = "waiting_for_connect"
    OPEN = "open"
    CLOSED = "closed"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a session; the defaults are the numbers of the schema."""

    heartbeat_s: float = 120.0
    idle_timeout_s: float = 300.0
    auth_deadline_s: float = 10.0
    messages_per_s_max: float = 1000.0


# Events: what the link must act on. None can be part of a cycle, so the collector need not track them (gc=False).


class TokenReceived(msgspec.Struct, frozen=True, gc=False):
    """An `auth` came: answer with `admit` or `refuse`. Without a token it shows the proof of one, or nothing."""

    token: str | None
    proof: str | None

    @classmethod
    def of(cls, auth: Any) -> TokenReceived:
        """Returns what an `auth` message shows."""
        token, proof = (None if shown is msgspec.UNSET else shown for shown in (auth.token, auth.proof))
        return cls(token, proof)


class Introduced(msgspec.Struct, frozen=True, gc=False):
    """The device introduced itself: answer with `welcome` or `refuse`."""

    message: Any
    text: str


class FrameReceived(msgspec.Struct, frozen=True, gc=False):
    """One JPEG frame, as it came."""

    data: bytes


class MessageRejected(msgspec.Struct, frozen=True, gc=False):
    """A packet broke a rule; `text` is None where it may hold a secret or was not text."""

    fault: Fault
    text: str | None


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The gateway ended the session."""

    code: int
    fault: Fault


SessionEvent = TokenReceived | Introduced | FrameReceived | MessageRejected | Closed

# Writes: what the link must send, in order.


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One text packet and the type of message that it holds."""

    type: str
    text: str


class Close(msgspec.Struct, frozen=True, gc=False):
    """The close packet: nothing follows it."""

    code: int
    reason: str


Write = Packet | Close
