"""The link of one device: feeds its session with packets, and carries out what the session decides."""

from __future__ import annotations

import logging
import time
from typing import Any, Final, cast

from darvaz.gateway.access import Admitted, AskToken, Caller, Refused
from darvaz.gateway.access.networks import network_of
from darvaz.gateway.links.burst import Burst
from darvaz.gateway.links.first_message import FirstMessage, protection_of
from darvaz.gateway.links.intake import Intake
from darvaz.gateway.links.introduction import judge
from darvaz.gateway.links.shared import LinkContext
from darvaz.gateway.session.session import (
    Closed,
    FrameReceived,
    Introduced,
    MessageRejected,
    Packet,
    SessionEvent,
    TokenReceived,
    Write,
)
from darvaz.gateway.websocket.interface import PacketConnection
from darvaz.gateway.websocket.packets import dump_text
from darvaz.protocol.codec import Message
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.link")

# Module constants: compiled code finds them without a lookup.
_monotonic_s: Final = time.monotonic
_unix_s: Final = time.time

# By what sends them, with who asked for it.
_JOURNALLED_ELSEWHERE: Final = frozenset({"update", "prompt"})


class DeviceLink(Intake):
    """Carries one session over one connection until either side closes it."""

    __slots__ = ("_admitted", "_first", "_is_over", "_network", "_refusal", "protection", "slot")

    def __init__(self, context: LinkContext, caller: Caller, decision: Admitted | AskToken, scheme: str = "") -> None:
        is_admitted = isinstance(decision, Admitted)
        super().__init__(context, caller.address or "", is_admitted=is_admitted)
        # The slot of the timer wheel that this link waits in; the wheel writes it.
        self.slot = 0
        # None until a token is accepted. Until then the link writes nothing to the journal, and its end is one refusal.
        self._admitted = decision if isinstance(decision, Admitted) else None
        # Judges tokens; None from `connect` on, to save memory.
        self._first: FirstMessage | None = FirstMessage(caller, decision)
        # What a listener on the network learns of the link.
        self.protection = protection_of(scheme)
        # Why its first token was refused; "" before that.
        self._refusal = ""
        # Whether `end` has run: both sides may close at once.
        self._is_over = False
        # As it is now counted: which addresses are one network may change.
        self._network = network_of(self.address)
        context.parts.link_counts.enter(self._network)

    def open(self, connection: PacketConnection) -> None:
        """Takes over an accepted WebSocket."""
        self._connection = connection
        self._record("=", "connected", "")
        self._context.parts.metrics.count_connected(self.kind_name)
        self._set_limits()
        self._join_deadlines()
        connection.attach(self)

    # Called by the connection

    def receive_packets(self, packets: list[str | bytes]) -> None:
        """Handles the packets of one read; the clocks are read once for all of them."""
        burst = Burst(packets, _monotonic_s(), _unix_s())
        now_s, session = burst.now_s, self._session
        for packet in packets:
            if isinstance(packet, str):
                message = session.receive_text(packet, now_s)
                if message is not None:
                    self._handle_message(message, packet, burst)
            else:
                session.receive_binary(packet, now_s)
            if session.events:
                # Handling an event writes entries of its own, which come after the earlier messages.
                self._hand_on(burst)
                self._handle_events(now_s)
        self._write_pending(burst)

    def receive_overhead(self, packets: int) -> None:
        now_s = _monotonic_s()
        self._session.receive_overhead(packets, now_s)
        if self._session.events:
            self._advance(now_s)

    def receive_oversized(self, is_text: bool) -> None:
        now_s = _monotonic_s()
        self._session.receive_oversized(is_text, now_s)
        self._advance(now_s)

    def stop(self) -> None:
        """Tells the device that the gateway stops."""
        self.close("restarting", "the gateway is restarting")

    def end(self, code: int, reason: str) -> None:
        """Records the end of the connection and removes the link, once."""
        if self._is_over:
            return
        self._is_over = True
        parts = self._context.parts
        parts.deadlines.leave(self)
        parts.hub.leave(self, code)
        parts.link_counts.leave(self._network)
        if self._admitted is None:
            parts.refusals.record(self.kind_name, self.address, self._refusal or f"closed {code} before a token")
        self._record("=", "disconnected", f"closed {code} {reason}".rstrip())
        parts.metrics.count_disconnected(code)

    # Called by the hub

    def send_command(self, message: Message) -> bool:
        """Sends a command; returns whether the session could send it."""
        is_sent = self._session.send_command(message)
        self._advance(_monotonic_s())
        return is_sent

    def close(self, name: str, reason: str) -> None:
        """Closes the link with a close code of the schema, by name."""
        self._session.close(name, reason)
        self._advance(_monotonic_s())

    # Called by the deadlines

    @property
    def token_id(self) -> str | None:
        return self._admitted.token_id if self._admitted else None

    def tick(self, now_s: float) -> float | None:
        """Does what is due and returns the next deadline."""
        self._session.unix_offset_s = self._context.parts.unix_offset_s
        self._session.tick(now_s)
        self._advance(now_s)
        return self._session.deadline_s

    def revoke(self) -> None:
        """Closes the link because its token was revoked."""
        self._session.refuse(Fault("not_authorised", "the token of this device was revoked"))
        self._advance(_monotonic_s())

    # What the session decides

    def _advance(self, now_s: float) -> None:
        """Handles all events of the session, then writes its packets."""
        self._handle_events(now_s)
        self._write_pending(Burst([], now_s, _unix_s()))

    def _acknowledge(self, ack: Message) -> None:
        self._context.hub.acknowledge(self, ack)

    def _handle_events(self, now_s: float) -> None:
        """Handles events in order, also those that handling adds."""
        while self._session.events:
            for event in self._session.take_events():
                self._handle_event(event, now_s)

    def _write_pending(self, burst: Burst) -> None:
        """Writes the packets of the session in order, after what came is handed on."""
        context, writes = self._context, self._session.writes
        count = len(writes)
        # Nearly always there are only pongs: they are written as one block.
        if count and writes.count(context.pong) == count:
            for _ in range(count):
                writes.pop()
                burst.add(context.pong_entry)
            self._connection.write(context.pong_packet, count)
        self._hand_on(burst)
        if writes:
            for write in self._session.take_writes():
                self._write(write)

    def _handle_event(self, event: SessionEvent, now_s: float) -> None:
        match event:
            case FrameReceived(data):
                device = self.device or ""
                self._context.parts.bus.publish_frame(device, data)
                self._context.parts.frames.push(device, data)
            case TokenReceived():
                self._check_token(event)
            case Introduced(message, text):
                self._record("<", "connect", text, device=message.device)
                self._check_introduction(message, now_s)
            case MessageRejected(fault, text):
                self._record("<", "fault", f"{fault.code}: {fault.message}; {'(hidden)' if text is None else text}")
            case Closed(code, fault):
                self._record("=", "closing", f"{code} {fault.code}: {fault.message}")

    def _check_token(self, shown: TokenReceived) -> None:
        parts = self._context.parts
        decision = cast(FirstMessage, self._first).judge(self, parts, shown)
        if isinstance(decision, Refused):
            self._refusal = f"{decision.status} {decision.code}"
            if self._admitted is not None:
                parts.refusals.record(self.kind_name, self.address, self._refusal)
            parts.metrics.count_refused(decision.code, self.kind_name)
            self._session.refuse(Fault(decision.code, decision.message), decision.retry_after_s)
            return
        is_first, self._admitted = self._admitted is None, decision
        if is_first:
            self._record("=", "connected", "")
        self._record("<", "auth", '{"type":"auth","%s":"(hidden)"}' % ("token" if shown.token else "proof"))
        self._session.admit()
        self._set_limits()
        parts.deadlines.leave(self)
        self._join_deadlines()

    def _check_introduction(self, message: Any, now_s: float) -> None:
        device = message.device
        judgement = judge(self._context.parts, self, message, self._admitted)
        if judgement.fault is not None:
            self._session.refuse(judgement.fault, judgement.retry_after_s)
            return
        if judgement.remark is not None:
            self._record("=", *judgement.remark, device)
        self.device, self._first = device, None
        self._board_time.begin(message, now_s, self._context.parts.hub.uptime_s(device, message.boot_id))
        self._numbered.begin(message)
        # Before `join`, which notes when this start began: what the board told before that is not known any more.
        self._context.parts.bus.publish("connect", device, message, _unix_s())
        self._context.parts.hub.join(device, self, message)
        self._session.unix_offset_s = self._context.parts.unix_offset_s
        self._session.welcome(now_s)

    def _write(self, write: Write) -> None:
        if isinstance(write, Packet):
            if write.type not in _JOURNALLED_ELSEWHERE:
                self._record(">", write.type, write.text)
            self._connection.write(dump_text(write.text))
        else:
            self._record(">", "close", f"{write.code} {write.reason}")
            self._connection.close(write.code, write.reason)
            self.end(write.code, write.reason)

    def _set_limits(self) -> None:
        numbers = self._context.parts.protocol.numbers
        if self._admitted is None:
            # One message at a time: the accepted token raises the limit of the message behind it.
            self._connection.limit(numbers["auth_bytes_max"], numbers["auth_bytes_max"], one_by_one=True)
        else:
            self._connection.limit(numbers["text_bytes_max"], numbers["frame_bytes_max"])

    def _join_deadlines(self) -> None:
        deadline_s = self._session.deadline_s
        if deadline_s is not None:
            self._context.parts.deadlines.join(self, deadline_s)

    # Journal and log

    def _record(self, direction: str, type_: str, payload: str, device: str | None = None) -> None:
        if self._admitted is not None:
            self._entries.record(self.device or device, self.address, direction, type_, payload)
