"""The gateway's half of one conversation with a device, without I/O and without a clock.

Feed it packets and the time (`receive_text`, `receive_binary`, `tick`), tell it what was decided
outside (`admit`, `welcome`, `refuse`), let it speak (`send_command`, `close`); after each call take
what happened (`take_events`) and what to write (`take_writes`). Nothing that a peer sends raises.

Times are monotonic seconds, given by the caller.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from typing import Any

import msgspec

from darvaz.faults import Fault
from darvaz.protocol import Kind, Message, Protocol, type_name
from darvaz.session_events import (
    Close,
    Closed,
    Event,
    Faulted,
    Framed,
    Heard,
    Introduced,
    Packet,
    TokenShown,
    Write,
)

__all__ = [
    "Close", "Closed", "Event", "Faulted", "Framed", "Heard", "Introduced", "Limits", "Packet", "Session", "State",
    "TokenShown", "Write", "pong_of",
]  # fmt: skip

# RFC 6455, section 5.5: a control packet has at most 125 bytes, two of them for the code.
_REASON_BYTES_MAX = 123


class State(enum.Enum):
    """Where a conversation stands; the names are those of `x-states` in the schema."""

    WAITING_FOR_TOKEN = "waiting_for_token"
    WAITING_FOR_CONNECT = "waiting_for_connect"
    OPEN = "open"
    CLOSED = "closed"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how much a session bears; the defaults are the schema's numbers."""

    heartbeat_s: float = 120.0
    idle_timeout_s: float = 300.0
    auth_deadline_s: float = 10.0
    messages_per_s_max: float = 1000.0


@functools.cache
def pong_of(protocol: Protocol) -> Packet:
    """Returns the commonest answer, which is always the same."""
    return Packet("pong", protocol.dump(protocol.make("pong")))


class Session:
    """One conversation: its state, its deadlines and its answers."""

    def __init__(
        self,
        protocol: Protocol,
        kind: Kind,
        limits: Limits,
        now_s: float,
        *,
        is_admitted: bool,
        unix_offset_s: float,
    ) -> None:
        self.kind = kind
        self.device: str | None = None
        self.state = State.WAITING_FOR_CONNECT if is_admitted else State.WAITING_FOR_TOKEN
        self._protocol = protocol
        self._limits = limits
        # Whoever feeds the session sets this again: a wall clock may be set while the conversation goes on.
        self.unix_offset_s = unix_offset_s
        self._opened_s = self._heard_s = self._refilled_s = now_s
        self._next_ping_s = now_s + limits.heartbeat_s
        self._allowance = self._burst = 2 * limits.messages_per_s_max
        self._faults = 0
        self._is_judging = False
        self._events: list[Event] = []
        self._writes: list[Write] = []
        self._pong = pong_of(protocol)
        self._answer: dict[str, Callable[[Any, str, float], None]] = {
            "auth": self._on_auth,
            "connect": self._on_connect,
            "ping": self._on_ping,
        }

    # Receiving

    def receive_text(self, text: str, now_s: float) -> None:
        """Takes one text packet."""
        if not self._hears(now_s):
            return
        size_bytes = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self.state is State.WAITING_FOR_TOKEN:
            self._receive_token(text, size_bytes, now_s)
        elif size_bytes > self._protocol.numbers["text_bytes_max"]:
            self._end("too_large", self._too_large("text_bytes_max"))
        else:
            self._receive_message(text, now_s)

    def receive_binary(self, data: bytes, now_s: float) -> None:
        """Takes one binary packet: from a camera, exactly one JPEG."""
        if not self._hears(now_s):
            return
        if self.state is State.WAITING_FOR_TOKEN:
            self._refuse_token()
        elif len(data) > self._protocol.numbers["frame_bytes_max"]:
            self._end("too_large", self._too_large("frame_bytes_max"))
        elif not self.kind.sends_frames:
            self._fault(Fault("not_a_frame", f"a {self.kind.title} sends no binary packets"), None)
        elif self.state is not State.OPEN:
            self._fault(Fault("wrong_state", "send connect before the first frame"), None)
        elif not (data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"):
            self._fault(Fault("not_a_frame", "a frame is one JPEG: it starts with FF D8 and ends with FF D9"), None)
        else:
            self._faults = 0
            self._events.append(Framed(data))

    def receive_oversized(self, is_text: bool, now_s: float) -> None:
        """Takes the news of a packet that was too large to be read."""
        if not self._hears(now_s):
            return
        if self.state is State.WAITING_FOR_TOKEN:
            self._refuse_token()
        else:
            self._end("too_large", self._too_large("text_bytes_max" if is_text else "frame_bytes_max"))

    # Deciding: what the shell found out

    @property
    def is_judging(self) -> bool:
        """Whether the last packet asked for a decision; nothing else is heard before it is made."""
        return self._is_judging

    def admit(self) -> None:
        """The token that was shown is good."""
        self._is_judging = False
        if self.state is State.WAITING_FOR_TOKEN:
            self.state = State.WAITING_FOR_CONNECT

    def welcome(self, now_s: float) -> None:
        """The device may be who it says: the conversation is open, and it is told so."""
        self._is_judging = False
        if self.state is State.CLOSED:
            return
        self.state = State.OPEN
        self._say(
            "connection_ack",
            status="success",
            message=f"{self.kind.title} connection acknowledged",
            protocol=self._protocol.version,
            time=self._unix_time(now_s),
            heartbeat_s=self._limits.heartbeat_s,
            device=self.device,
        )

    def refuse(self, fault: Fault, retry_after_s: float | None = None) -> None:
        """Ends the conversation: the token or the name is not accepted; any other reason is 4401 too."""
        is_known = fault.code in self._protocol.close_codes
        self._end(fault.code if is_known else "not_authorised", fault, retry_after_s)

    # Sending

    def send_command(self, message: Message) -> bool:
        """Sends a checked command; says whether the conversation was open for it."""
        if self.state is not State.OPEN:
            return False
        self._writes.append(Packet("command", self._protocol.dump(message)))
        return True

    def close(self, name: str, sentence: str, retry_after_s: float | None = None) -> None:
        """Ends the conversation by the gateway's will, with a close code of the schema by name."""
        self._end(name, Fault(name, sentence), retry_after_s)

    # Time

    def tick(self, now_s: float) -> None:
        """Does what is due: the heartbeat, the deadline for a token, the idle timeout."""
        if self.state is State.CLOSED:
            return
        if self.state is State.WAITING_FOR_TOKEN:
            if now_s >= self._opened_s + self._limits.auth_deadline_s:
                self._refuse_token()
        elif now_s >= self._heard_s + self._limits.idle_timeout_s:
            silence = f"nothing was heard for {self._limits.idle_timeout_s:g} s; answer ping with pong"
            self._end("idle", Fault("idle", silence))
        elif now_s >= self._next_ping_s:
            self._next_ping_s = now_s + self._limits.heartbeat_s
            self._say("ping", time=self._unix_time(now_s))

    @property
    def deadline_s(self) -> float | None:
        """When `tick` has something to do, unless packets arrive first; None once closed."""
        if self.state is State.CLOSED:
            return None
        if self.state is State.WAITING_FOR_TOKEN:
            return self._opened_s + self._limits.auth_deadline_s
        return min(self._heard_s + self._limits.idle_timeout_s, self._next_ping_s)

    # Taking

    def take_events(self) -> list[Event]:
        """Returns what happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def take_writes(self) -> list[Write]:
        """Returns what to write since the last call, in order."""
        writes, self._writes = self._writes, []
        return writes

    # One packet

    def _hears(self, now_s: float) -> bool:
        """Counts a packet as life; ends the session when they come too fast."""
        if self.state is State.CLOSED:
            return False
        self._heard_s = now_s
        rate = self._limits.messages_per_s_max
        self._allowance = min(self._burst, self._allowance + (now_s - self._refilled_s) * rate) - 1
        self._refilled_s = now_s
        if self._allowance < 0:
            self._end("misbehaved", Fault("too_fast", f"more than {rate:g} messages a second"), 1.0)
            return False
        return True

    def _receive_token(self, text: str, size_bytes: int, now_s: float) -> None:
        """Hears nothing but one auth message, and answers everything else with the same words."""
        message = self._protocol.parse(text) if size_bytes <= self._protocol.numbers["auth_bytes_max"] else None
        if self._is_judging or message is None or isinstance(message, Fault) or type_name(message) != "auth":
            self._refuse_token()
        else:
            self._on_auth(message, text, now_s)

    def _receive_message(self, text: str, now_s: float) -> None:
        message = self._protocol.parse(text)
        if isinstance(message, Fault):
            self._fault(message, text)
            return
        name = type_name(message)
        if self.state.value not in self._protocol.states_of[name] or self._is_judging:
            self._fault(self._out_of_place(name), text)
            return
        self._faults = 0
        self._answer.get(name, self._on_other)(message, text, now_s)

    def _on_auth(self, message: Any, text: str, now_s: float) -> None:
        self._is_judging = True
        self._events.append(TokenShown(message.token))

    def _on_connect(self, message: Any, text: str, now_s: float) -> None:
        if self.device is not None and self.device != message.device:
            self._fault(Fault("invalid", f"device: this link is {self.device}", "device"), text)
            return
        self.device = message.device
        self._is_judging = True
        self._events.append(Introduced(message, text))

    def _on_ping(self, message: Any, text: str, now_s: float) -> None:
        self._events.append(Heard(message, text))
        self._writes.append(self._pong)

    def _on_other(self, message: Any, text: str, now_s: float) -> None:
        self._events.append(Heard(message, text))

    # Faults and endings

    def _fault(self, fault: Fault, text: str | None) -> None:
        self._faults += 1
        self._events.append(Faulted(fault, None if text is None or '"token"' in text else text))
        self._say_fault(fault)
        if self._faults >= self._protocol.numbers["faults_max"]:
            self._end("misbehaved", Fault("too_many_faults", f"{self._faults} faulty packets in a row"))

    def _refuse_token(self) -> None:
        self._end("not_authorised", Fault("not_authorised", self._protocol.error_codes["not_authorised"]))

    def _end(self, name: str, fault: Fault, retry_after_s: float | None = None) -> None:
        if self.state is State.CLOSED:
            return
        code = self._protocol.close_codes[name]
        self._say_fault(fault, retry_after_s)
        self._writes.append(Close(code, _reason(fault.message)))
        self._events.append(Closed(code, fault))
        self.state = State.CLOSED

    def _out_of_place(self, name: str) -> Fault:
        if self._is_judging:
            return Fault("wrong_state", "wait for the answer before the next message")
        return Fault("wrong_state", f"send connect before {name}")

    def _too_large(self, number: str) -> Fault:
        return Fault("too_large", f"at most {self._protocol.numbers[number]} bytes")

    def _say_fault(self, fault: Fault, retry_after_s: float | None = None) -> None:
        more: dict[str, Any] = {"field": fault.field} if fault.field else {}
        if retry_after_s is not None:
            more["retry_after_s"] = retry_after_s
        self._say("error", message=fault.message, code=fault.code, **more)

    def _say(self, name: str, **fields: Any) -> None:
        self._writes.append(Packet(name, self._protocol.dump(self._protocol.make(name, **fields))))

    def _unix_time(self, now_s: float) -> int:
        return int(now_s + self.unix_offset_s)


def _reason(sentence: str) -> str:
    """Returns as much of a sentence as a close packet holds, which counts bytes and not letters."""
    return sentence.encode(errors="replace")[:_REASON_BYTES_MAX].decode(errors="ignore")
