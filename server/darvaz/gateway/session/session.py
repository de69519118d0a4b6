"""The gateway's half of one conversation with a device, without I/O and without a clock.

The link calls `receive_text`, `receive_binary`, `receive_oversized` and `tick` with the time, `admit`, `welcome` or
`refuse` with what was decided outside, and `send_command` or `close`. After each call it must take the events
(`take_events`), act on them, and send the writes (`take_writes`), in order. `receive_text` returns a message that
needs nothing but delivery. Nothing raises, whatever a peer sends.

The states are those of the schema: a link starts in `waiting_for_token`, or in `waiting_for_connect` if its handshake
was admitted; `admit` leads from the first to the second, `welcome` to `open`, and any end to `closed`, for good.

Times are monotonic seconds, given by the caller.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from darvaz.gateway.session.events import (
    Close,
    Closed,
    FrameReceived,
    Introduced,
    Limits,
    MessageRejected,
    Packet,
    SessionEvent,
    SessionState,
    TokenReceived,
    Write,
)
from darvaz.gateway.session.frame_ends import trim_frame
from darvaz.gateway.session.output import SessionOutput
from darvaz.protocol.codec import Kind, Message, MessageCodec, type_name
from darvaz.protocol.faults import Fault

# fmt: off
__all__ = [
    "Close", "Closed", "FrameReceived", "Introduced", "Limits", "MessageRejected", "Packet", "Session", "SessionEvent",
    "SessionState", "TokenReceived", "Write", "rules_of",
]
# fmt: on

# How a message is handled; numbers, since this is looked up for each of them.
_OUT_OF_PLACE: Final = 0
_DELIVERED: Final = 1
_REPLIED: Final = 2
_NEEDS_DECISION: Final = 3

# Type of message → how it is handled; types that are missing are out of place.
Handling = dict[type, int]

_NOTHING: Final[Handling] = {}

# Pings, pongs and short fragments that may come before the token.
EARLY_PACKETS_MAX: Final = 16


class MessageRules:
    """How all sessions of one protocol handle each message, by state; made once."""

    def __init__(self, protocol: MessageCodec) -> None:
        self.pong = Packet("pong", protocol.dump(protocol.make("pong")))
        # A text with at most this many characters is within the limit of bytes, however it is encoded.
        self.short_chars = protocol.numbers["text_bytes_max"] // 4
        self.handling = {state: self._handling_in(state, protocol) for state in SessionState}

    def _handling_in(self, state: SessionState, protocol: MessageCodec) -> Handling:
        special = {"auth": _NEEDS_DECISION, "connect": _NEEDS_DECISION, "ping": _REPLIED}
        return {
            protocol.types[name]: special.get(name, _DELIVERED)
            for name, states in protocol.states_of.items()
            if state.value in states and "device" in protocol.messages[name]["x-sender"]
        }


@functools.cache
def rules_of(protocol: MessageCodec) -> MessageRules:
    """Returns the rules of a protocol."""
    return MessageRules(protocol)


class Session(SessionOutput):
    """One conversation: its state, its deadlines and its answers."""

    # fmt: off
    __slots__ = (
        "_counted_s", "_early_packets", "_handling", "_is_introduced", "_is_receiving", "_limits", "_next_ping_s",
        "_opened_s", "_packets_left", "_pinged_s", "_rate_per_s", "_received_s", "_rules", "awaits_decision", "device",
        "kind", "unix_offset_s",
    )
    # fmt: on

    def __init__(
        self,
        protocol: MessageCodec,
        kind: Kind,
        limits: Limits,
        now_s: float,
        *,
        is_admitted: bool,
        unix_offset_s: float,
        heartbeat_phase: float = 1.0,
    ) -> None:
        """`heartbeat_phase` is the part of a heartbeat after which the first comes; others spread those of many."""
        super().__init__(protocol)
        self.kind = kind
        # The id that the device introduced itself with.
        self.device: str | None = None
        # Whether the last packet needs a decision; the next must wait for it. Set by `_enter` and `_request_decision`.
        self.awaits_decision: bool
        self._rules = rules_of(protocol)
        self._limits = limits
        # Unix time minus monotonic time. The link sets it again, since a wall clock may be set at any time.
        self.unix_offset_s = unix_offset_s
        self._opened_s = self._received_s = now_s
        self._next_ping_s = now_s + limits.heartbeat_s * heartbeat_phase
        # When the oldest ping was sent that is not answered; 0 if there is none.
        self._pinged_s = 0.0
        # A token bucket: packets that may come now, refilled at the rate, at most twice what a second brings.
        self._rate_per_s = limits.messages_per_s_max
        self._packets_left = 2 * self._rate_per_s
        # When the bucket was last refilled; and the overhead before the token.
        self._counted_s, self._early_packets = now_s, 0
        # By state, set by `_enter`: whether texts are parsed, whether a `connect` came, and how each type is handled.
        self._is_receiving: bool
        self._is_introduced: bool
        self._handling: Handling
        self._enter(SessionState.WAITING_FOR_CONNECT if is_admitted else SessionState.WAITING_FOR_TOKEN)

    # Receiving

    def receive_text(self, text: str, now_s: float) -> Message | None:
        """Takes one text packet, and returns its message if that needs nothing but delivery."""
        if now_s != self._received_s:
            self._pass_time(now_s)
        self._packets_left -= 1
        is_ordinary = self._is_receiving and self._packets_left >= 0 and len(text) <= self._rules.short_chars
        if not (is_ordinary or self._accepts_text(text)):
            return None
        message = self._protocol.parse(text) if self._is_introduced else self._protocol.parse_first(text)
        handling = self._handling.get(type(message), _OUT_OF_PLACE)
        if handling == _OUT_OF_PLACE:
            if self._handling is self._rules.handling[SessionState.OPEN] and isinstance(message, Fault):
                kept = self._keep_rest(message, text)
                if kept is not None:
                    if self._handling.get(type(kept)) == _REPLIED:
                        self.writes.append(self._rules.pong)
                    return kept
            self._fault(message if isinstance(message, Fault) else self._out_of_place(type_name(message)), text)
            return None
        self._faults = 0
        if handling == _NEEDS_DECISION:
            self._receive_for_decision(message, text)
            return None
        if handling == _REPLIED:
            self.writes.append(self._rules.pong)
        return message

    def receive_binary(self, data: bytes, now_s: float) -> None:
        """Takes one binary packet: from a camera, one JPEG."""
        if not self._accepts_packet(now_s):
            return
        if self.state is SessionState.WAITING_FOR_TOKEN:
            self._refuse_token()
        elif len(data) > self._protocol.numbers["frame_bytes_max"]:
            self._end("too_large", self._too_large("frame_bytes_max"))
        elif not self.kind.sends_frames:
            self._fault(Fault("not_a_frame", f"a {self.kind.title} sends no binary packets"), None)
        elif self.state is not SessionState.OPEN:
            self._fault(Fault("wrong_state", "send connect before the first frame"), None)
        elif not (picture := trim_frame(data)):
            self._fault(Fault("not_a_frame", "a frame is one JPEG: it starts with FF D8 and ends with FF D9"), None)
        else:
            self._faults = 0
            self.events.append(FrameReceived(picture))

    def receive_oversized(self, is_text: bool, now_s: float) -> None:
        """Takes note of a packet that was too large to be read."""
        if not self._accepts_packet(now_s):
            return
        if self.state is SessionState.WAITING_FOR_TOKEN:
            self._refuse_token()
        else:
            self._end("too_large", self._too_large("text_bytes_max" if is_text else "frame_bytes_max"))

    def receive_overhead(self, packets: int, now_s: float) -> None:
        """Counts pings, pongs and short fragments; they do not show that the program of the device is alive."""
        if self.state is SessionState.CLOSED:
            return
        if self.state is SessionState.WAITING_FOR_TOKEN:
            self._early_packets += packets
            if self._early_packets > EARLY_PACKETS_MAX:
                self._refuse_token()
            return
        received_s = self._received_s
        self._pass_time(now_s)
        self._received_s = received_s
        self._packets_left -= packets
        self._is_too_fast()

    # Decisions of the link

    def admit(self) -> None:
        """Accepts the token that was received."""
        self._enter(SessionState.WAITING_FOR_CONNECT if self.state is SessionState.WAITING_FOR_TOKEN else self.state)

    def welcome(self, now_s: float) -> None:
        """Accepts the introduction: the conversation is open, and the device gets its `connection_ack`."""
        if self.state is SessionState.CLOSED:
            return
        self._enter(SessionState.OPEN)
        self._send(
            "connection_ack",
            status="success",
            message=f"{self.kind.title} connection acknowledged",
            protocol=self._protocol.version,
            time=self._unix_time(now_s),
            heartbeat_s=self._limits.heartbeat_s,
            device=self.device,
        )

    def refuse(self, fault: Fault, retry_after_s: float | None = None) -> None:
        """Ends the conversation: token or introduction are not accepted; a fault without a close code gets 4401."""
        is_known = fault.code in self._protocol.close_codes
        self._end(fault.code if is_known else "not_authorised", fault, retry_after_s)

    # Sending

    def send_command(self, message: Message) -> bool:
        """Sends a checked command, or a step of an update; returns whether the conversation is open."""
        if self.state is not SessionState.OPEN:
            return False
        self.writes.append(Packet(type_name(message), self._protocol.dump(message)))
        return True

    def close(self, name: str, message: str, retry_after_s: float | None = None) -> None:
        """Ends the conversation with a close code of the schema, by name."""
        self._end(name, Fault(name, message), retry_after_s)

    # Time

    def tick(self, now_s: float) -> None:
        """Does what is due: the heartbeat, the deadline for a token, the idle timeout."""
        if self.state is SessionState.CLOSED:
            return
        if self.state is SessionState.WAITING_FOR_TOKEN:
            if now_s >= self._opened_s + self._limits.auth_deadline_s:
                self._refuse_token()
        elif now_s >= self._received_s + self._limits.idle_timeout_s:
            reason = f"nothing was heard for {self._limits.idle_timeout_s:g} s; answer ping with pong"
            self._end("idle", Fault("idle", reason))
        elif now_s >= self._next_ping_s:
            self._next_ping_s = now_s + self._limits.heartbeat_s
            self._pinged_s = self._pinged_s or now_s
            self._send("ping", time=self._unix_time(now_s))

    def take_pinged_s(self) -> float:
        """Returns when the ping was sent that was just answered; 0 if the pong came unasked."""
        pinged_s, self._pinged_s = self._pinged_s, 0.0
        return pinged_s

    @property
    def deadline_s(self) -> float | None:
        """When `tick` must be called, unless packets arrive first; None once closed."""
        if self.state is SessionState.CLOSED:
            return None
        if self.state is SessionState.WAITING_FOR_TOKEN:
            return self._opened_s + self._limits.auth_deadline_s
        return min(self._received_s + self._limits.idle_timeout_s, self._next_ping_s)

    # One packet

    def _enter(self, state: SessionState) -> None:
        """Enters a state, or stays in it, with no decision pending."""
        self.state = state
        self.awaits_decision = False
        self._is_introduced = state is not SessionState.WAITING_FOR_CONNECT
        self._is_receiving = not self._is_introduced or state is SessionState.OPEN
        self._handling = self._rules.handling[state]

    def _request_decision(self, event: SessionEvent) -> None:
        """Asks the link for a decision."""
        self.awaits_decision = True
        self._handling = _NOTHING
        self.events.append(event)

    def _pass_time(self, now_s: float) -> None:
        """Notes that a packet came, and refills the bucket of packets."""
        rate_per_s = self._rate_per_s
        self._packets_left = min(2 * rate_per_s, self._packets_left + (now_s - self._counted_s) * rate_per_s)
        self._received_s = self._counted_s = now_s

    def _accepts_packet(self, now_s: float) -> bool:
        """Counts a packet; ends the session if they come too fast."""
        if self.state is SessionState.CLOSED:
            return False
        self._pass_time(now_s)
        self._packets_left -= 1
        return not self._is_too_fast()

    def _is_too_fast(self) -> bool:
        if self._packets_left >= 0:
            return False
        self._end("misbehaved", Fault("too_fast", f"more than {self._rate_per_s:g} messages a second"), 1.0)
        return True

    def _accepts_text(self, text: str) -> bool:
        """Checks a text that is too fast or long, or that came before the token; returns whether it may be parsed."""
        if self.state is SessionState.CLOSED or self._is_too_fast():
            return False
        size_bytes = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self.state is SessionState.WAITING_FOR_TOKEN:
            self._receive_token(text, size_bytes)
            return False
        if size_bytes > self._protocol.numbers["text_bytes_max"]:
            self._end("too_large", self._too_large("text_bytes_max"))
            return False
        return True

    def _receive_token(self, text: str, size_bytes: int) -> None:
        """Takes one `auth` message, and refuses everything else with the same answer."""
        message = self._protocol.parse(text) if size_bytes <= self._protocol.numbers["auth_bytes_max"] else None
        if self.awaits_decision or message is None or isinstance(message, Fault) or type_name(message) != "auth":
            self._refuse_token()
        else:
            self._receive_for_decision(message, text)

    def _receive_for_decision(self, message: Any, text: str) -> None:
        if type_name(message) == "auth":
            self._request_decision(TokenReceived.of(message))
            return
        device = self._protocol.device_ids.resolve(message.device)
        if device is None:
            self._fault(Fault("invalid", "device: nothing of it is visible, or it is too long", "device"), text)
            return
        message.device = device
        if self.device is not None and self.device != message.device:
            self._fault(Fault("invalid", f"device: this link is {self.device}", "device"), text)
        else:
            self.device = message.device
            self._request_decision(Introduced(message, text))

    def _out_of_place(self, name: str) -> Fault:
        if self.awaits_decision:
            return Fault("wrong_state", "wait for the answer before the next message")
        return Fault("wrong_state", f"send connect before {name}")

    def _unix_time(self, now_s: float) -> int:
        return int(now_s + self.unix_offset_s)
