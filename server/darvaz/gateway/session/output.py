"""The output of a session: messages, error messages and the close packet, until the link takes them."""

from __future__ import annotations

from typing import Any

from darvaz.gateway.session.events import Close, Closed, MessageRejected, Packet, SessionEvent, SessionState, Write
from darvaz.protocol.codec import Message, MessageCodec
from darvaz.protocol.faults import Fault

# RFC 6455, section 5.5: a control packet has at most 125 bytes, two of them for the code.
_REASON_BYTES_MAX = 123
_MESSAGE_CHARS_MAX = 512
_FIELD_CHARS_MAX = 128


class SessionOutput:
    """The events and writes of one session, until they are taken; the subclass handles what is received."""

    __slots__ = ("_faults", "_left_out", "_protocol", "events", "state", "writes")

    def __init__(self, protocol: MessageCodec) -> None:
        # Set by `_enter` only.
        self.state: SessionState
        # What the link has not taken yet, the oldest first.
        self.events: list[SessionEvent] = []
        self.writes: list[Write] = []
        self._protocol = protocol
        # Faulty packets since the last good one.
        self._faults = 0
        # The names without a value that the device was last fault of.
        self._left_out: list[str] = []

    # Called by the link

    def take_events(self) -> list[SessionEvent]:
        """Returns the events since the last call, in order."""
        events, self.events = self.events, []
        return events

    def take_writes(self) -> list[Write]:
        """Returns what to send since the last call, in order."""
        writes, self.writes = self.writes, []
        return writes

    # Sending

    def _send(self, name: str, **fields: Any) -> None:
        self.writes.append(Packet(name, self._protocol.dump(self._protocol.make(name, **fields))))

    def _send_error(self, fault: Fault, retry_after_s: float | None = None) -> None:
        optional: dict[str, Any] = {"field": fault.field} if fault.field else {}
        if retry_after_s is not None:
            optional["retry_after_s"] = retry_after_s
        self._send("error", message=fault.message, code=fault.code, **optional)

    # Faults and endings

    def _fault(self, fault: Fault, text: str | None) -> None:
        self._faults += 1
        self.events.append(MessageRejected(fault, None if text is None or '"token"' in text else text))
        self._send_error(fault)
        if self._faults >= self._protocol.numbers["faults_max"]:
            self._end("misbehaved", Fault("too_many_faults", f"{self._faults} faulty packets in a row"))

    def _keep_rest(self, fault: Fault, text: str) -> Message | None:
        """Returns a message without the values that are not numbers, of which it tells once; None for other faults."""
        found = self._protocol.parse_rest(text) if fault.code in ("not_json", "invalid") else None
        if found is None:
            return None
        message, names = found
        self._faults = 0
        if names != self._left_out:
            self._left_out = names
            sentence = f"{', '.join(names)}: not a number; left out"
            fault = Fault("invalid", sentence[:_MESSAGE_CHARS_MAX], names[0][:_FIELD_CHARS_MAX])
            self.events.append(MessageRejected(fault, text))
            self._send_error(fault)
        return message

    def _refuse_token(self) -> None:
        self._end("not_authorised", Fault("not_authorised", self._protocol.error_codes["not_authorised"]))

    def _end(self, name: str, fault: Fault, retry_after_s: float | None = None) -> None:
        if self.state is SessionState.CLOSED:
            return
        code = self._protocol.close_codes[name]
        self._send_error(fault, retry_after_s)
        self.writes.append(Close(code, _reason(fault.message)))
        self.events.append(Closed(code, fault))
        self._enter(SessionState.CLOSED)

    def _too_large(self, number: str) -> Fault:
        return Fault("too_large", f"at most {self._protocol.numbers[number]} bytes")

    def _enter(self, state: SessionState) -> None:
        raise NotImplementedError


def _reason(text: str) -> str:
    """Returns as much of a text as fits into a close packet, whose limit is in bytes."""
    return text.encode(errors="replace")[:_REASON_BYTES_MAX].decode(errors="ignore")
