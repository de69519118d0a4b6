"""One device's live link: feeds its session what the wire brings, and carries out what the session says."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from darvaz.gateway.access import Admitted, AskToken, Caller, Refused, redact
from darvaz.gateway.journal.writer import PAYLOAD_CHARS_MAX, cut
from darvaz.gateway.links.shared import LinkContext
from darvaz.gateway.session.session import (
    Closed,
    FrameReceived,
    Introduced,
    MessageRejected,
    Packet,
    Session,
    SessionEvent,
    TokenReceived,
    Write,
)
from darvaz.gateway.websocket.interface import PacketConnection
from darvaz.gateway.websocket.packets import dump_text
from darvaz.protocol.codec import Message
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.link")

# Names of this module's own are found at once where it is compiled.
_monotonic_s: Final = time.monotonic
_unix_s: Final = time.time


class DeviceLink:
    """Carries one session over one wire, from its opening to its end, whoever ends it."""

    __slots__ = (
        "_admitted",
        "_caller",
        "_context",
        "_is_over",
        "_session",
        "_wire",
        "address",
        "device",
        "kind_name",
        "slot",
    )  # fmt: skip

    def __init__(self, context: LinkContext, caller: Caller, decision: Admitted | AskToken) -> None:
        self._context = context
        self.kind_name = context.kind.name
        self.address = caller.address or ""
        self.device: str | None = None
        self.slot = 0
        self._admitted = decision if isinstance(decision, Admitted) else None
        # Who asks matters only while a token may be shown; nobody need remember it after that.
        self._caller: Caller | None = caller
        self._is_over = False
        self._wire: PacketConnection
        self._session = Session(
            context.parts.protocol,
            context.kind,
            context.limits,
            _monotonic_s(),
            is_admitted=self._admitted is not None,
            unix_offset_s=context.parts.unix_offset_s,
        )
        context.parts.link_counts.enter(self.address)

    def open(self, wire: PacketConnection) -> None:
        """Takes over an accepted WebSocket."""
        self._wire = wire
        self._note("=", "connected", "")
        self._set_limits()
        self._watch()
        wire.attach(self)

    # What the wire says

    def receive_packets(self, packets: list[str | bytes]) -> None:
        """Takes what came at once; the clock is read once for all of it."""
        now_s = _monotonic_s()
        session = self._session
        said: list[Any] = []
        chars = 0
        for packet in packets:
            if isinstance(packet, str):
                message = session.receive_text(packet, now_s)
                if message is not None:
                    chars += self._hear(message, packet, said)
                    continue
            else:
                session.receive_binary(packet, now_s)
            if session.events:
                # What is journalled by itself must not come before what was heard earlier.
                self._record(said, chars)
                said, chars = [], 0
                self._act_on_all(now_s)
        self._write_all(said, chars)

    def receive_oversized(self, is_text: bool) -> None:
        now_s = _monotonic_s()
        self._session.receive_oversized(is_text, now_s)
        self._advance(now_s)

    def stop(self) -> None:
        """Tells the device that the gateway goes down."""
        self.close("restarting", "the gateway is restarting")

    def end(self, code: int, reason: str) -> None:
        """Notes the end of the connection, and tells everyone, once."""
        if self._is_over:
            return
        self._is_over = True
        parts = self._context.parts
        parts.deadlines.leave(self)
        parts.hub.leave(self)
        parts.link_counts.leave(self.address)
        self._note("=", "disconnected", f"closed {code} {reason}".rstrip())

    # What the hub asks

    def send_command(self, message: Message) -> bool:
        """Sends a command; says whether the link could take it."""
        sent = self._session.send_command(message)
        self._advance(_monotonic_s())
        return sent

    def close(self, name: str, sentence: str) -> None:
        """Ends the link with a close code of the schema, by name."""
        self._session.close(name, sentence)
        self._advance(_monotonic_s())

    # What the watch asks

    @property
    def token_id(self) -> str | None:
        return self._admitted.token_id if self._admitted else None

    def tick(self, now_s: float) -> float | None:
        """Does what is due and returns when there is more."""
        self._session.unix_offset_s = self._context.parts.unix_offset_s
        self._session.tick(now_s)
        self._advance(now_s)
        return self._session.deadline_s

    def revoke(self) -> None:
        """Ends the link because its token was revoked."""
        self._session.refuse(Fault("not_authorised", "the token of this device was revoked"))
        self._advance(_monotonic_s())

    # Carrying out what the session says

    def _advance(self, now_s: float) -> None:
        """Acts on events until there are none, then writes what there is to write; journals both."""
        self._act_on_all(now_s)
        self._write_all([], 0)

    def _hear(self, message: Message, text: str, said: list[Any]) -> int:
        """Hands on what a message says, adds it to what is to be journalled, and returns how many letters that is."""
        context, kind = self._context, type(message)
        if len(text) > PAYLOAD_CHARS_MAX:
            text = cut(text)
        if kind is context.ping:
            said.append(("<", "ping", text))
        else:
            name = kind.__name__
            said.append(("<", name, text))
            if kind is context.ack:
                context.hub.acknowledge(self, message)
            context.bus.publish(name, self.device, message)
        return len(text)

    def _act_on_all(self, now_s: float) -> None:
        """Acts on events in order, until none are left."""
        while self._session.events:
            for event in self._session.take_events():
                self._act(event, now_s)

    def _write_all(self, said: list[Any], chars: int) -> None:
        """Writes in order what the session says, and journals it behind what was heard before."""
        context, writes = self._context, self._session.writes
        count = len(writes)
        if count and writes.count(context.pong) == count:
            for _ in range(count):
                writes.pop()
                said.append(context.pong_said)
            self._wire.write(context.pong_packet, count)
            chars += count * context.pong_chars
        self._record(said, chars)
        if writes:
            for write in self._session.take_writes():
                self._write(write)

    def _act(self, event: SessionEvent, now_s: float) -> None:
        match event:
            case FrameReceived(data):
                self._context.parts.bus.publish("frame", self.device, data)
                self._context.parts.frames.push(self.device or "", data)
            case TokenReceived(token):
                self._judge_token(token)
            case Introduced(message, text):
                self._note("<", "connect", text, device=message.device)
                self._judge_name(message, now_s)
            case MessageRejected(fault, text):
                self._note("<", "fault", f"{fault.code}: {fault.message}; {'(hidden)' if text is None else text}")
            case Closed(code, fault):
                self._note("=", "closing", f"{code} {fault.code}: {fault.message}")

    def _judge_token(self, token: str) -> None:
        self._note("<", "auth", '{"type":"auth","token":"(hidden)"}')
        parts = self._context.parts
        assert self._caller is not None
        decision = parts.access.admit_with_token(self._caller, self.kind_name, token)
        if isinstance(decision, Refused):
            self._note("=", "refused", f"{decision.status} {decision.code}")
            self._session.refuse(Fault(decision.code, decision.message), decision.retry_after_s)
            return
        self._admitted = decision
        self._session.admit()
        self._set_limits()
        parts.deadlines.leave(self)
        self._watch()

    def _judge_name(self, message: Any, now_s: float) -> None:
        fault = self._refuse_name(message.device)
        if fault is not None:
            self._session.refuse(fault)
            return
        self.device, self._caller = message.device, None
        self._context.parts.hub.join(message.device, self, message)
        self._context.parts.bus.publish("connect", self.device, message)
        self._session.unix_offset_s = self._context.parts.unix_offset_s
        self._session.welcome(now_s)

    def _refuse_name(self, device: str) -> Fault | None:
        parts = self._context.parts
        kind = parts.hub.kind_of(device)
        if kind is not None and kind != self.kind_name:
            return Fault("not_allowed", f"device: {device} is a {kind}", "device")
        refused = parts.access.bind(self._admitted, device) if self._admitted else None
        return None if refused is None else Fault(refused.code, refused.message)

    def _write(self, write: Write) -> None:
        if isinstance(write, Packet):
            self._note(">", write.type, write.text)
            self._wire.write(dump_text(write.text))
        else:
            self._note(">", "close", f"{write.code} {write.reason}")
            self._wire.close(write.code, write.reason)
            self.end(write.code, write.reason)

    # Around it

    def _set_limits(self) -> None:
        numbers = self._context.parts.protocol.numbers
        if self._admitted is None:
            # What follows the token may be larger, and must not be looked at by the stranger's limits.
            self._wire.limit(numbers["auth_bytes_max"], numbers["auth_bytes_max"], one_by_one=True)
        else:
            self._wire.limit(numbers["text_bytes_max"], numbers["frame_bytes_max"])

    def _watch(self) -> None:
        deadline_s = self._session.deadline_s
        if deadline_s is not None:
            self._context.parts.deadlines.join(self, deadline_s)

    def _note(self, direction: str, type_: str, payload: str, device: str | None = None) -> None:
        name = self.device or device
        self._context.parts.journal.record(name, self.kind_name, self.address, direction, type_, payload)
        level = logging.INFO if direction == "=" else logging.DEBUG
        if log.isEnabledFor(level):
            log.log(level, "%s %s %s %s", direction, name or self.address, type_, redact(payload)[:75])

    def _record(self, said: list[Any], chars: int) -> None:
        """Journals what was heard and said, if anything was; the list is the journal's from now on."""
        if not said:
            return
        context = self._context
        context.journal.extend(int(_unix_s() * 1000), self.device, self.kind_name, self.address, said, chars)
        if context.is_logged:
            for direction, type_, payload in said:
                log.debug("%s %s %s %s", direction, self.device or self.address, type_, redact(payload)[:75])
