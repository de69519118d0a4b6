"""One device's live link: feeds its session, carries out what the session says, writes in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from darvaz.access import Admitted, AskToken, Caller, Refused, redact
from darvaz.faults import Fault
from darvaz.parts import Parts
from darvaz.protocol import Kind, Message, type_name
from darvaz.session import (
    Close,
    Closed,
    Event,
    Faulted,
    Framed,
    Heard,
    Introduced,
    Packet,
    Session,
    TokenShown,
)

log = logging.getLogger("darvaz.link")

OUTBOX_PACKETS_MAX = 256
_OUTBOX_PACKETS_PAUSE = 64
_SEND_DEADLINE_S = 30.0
_REVOKED_CHECK_S = 1.0


class DeviceLink:
    """Carries one session over one WebSocket, from accept to close.

    Packets wait in an outbox of at most `OUTBOX_PACKETS_MAX`; a device that does not read is not
    read from either once it is a quarter full, and is dropped when it is full.
    """

    def __init__(self, websocket: WebSocket, kind: Kind, caller: Caller, admitted: Admitted | AskToken, parts: Parts):
        self.kind_name = kind.name
        self.address = caller.address or ""
        self.device: str | None = None
        self._websocket = websocket
        self._caller = caller
        self._parts = parts
        self._admitted = admitted if isinstance(admitted, Admitted) else None
        self._session = Session(
            parts.protocol,
            kind,
            parts.session_limits(),
            time.monotonic(),
            is_admitted=self._admitted is not None,
            unix_offset_s=parts.unix_offset_s,
        )
        self._outbox: deque[Packet | Close] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._timer: asyncio.TimerHandle | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._dropped: str | None = None

    # The shell

    async def run(self) -> None:
        """Reads until the link ends; whatever happens, the hub, the journal and the timer are told."""
        self._reader = asyncio.current_task()
        writer = asyncio.create_task(self._write_all(), name=f"writer {self.address}")
        self._note("=", "connected", "")
        self._set_timer()
        reason = "lost"
        try:
            reason = await self._read_all()
        except asyncio.CancelledError:
            # A peer that had to be dropped is no exception of ours; any other cancellation passes through.
            if self._dropped is None or self._reader is None or self._reader.uncancel():
                raise
            reason = self._dropped
        finally:
            self._end(reason, writer)

    async def _read_all(self) -> str:
        while True:
            await self._room.wait()
            packet = await self._websocket.receive()
            if packet["type"] == "websocket.disconnect":
                return f"closed {packet.get('code', 1005)} {redact(packet.get('reason') or '')}".rstrip()
            now_s = time.monotonic()
            text = packet.get("text")
            if text is not None:
                self._session.receive_text(text, now_s)
            else:
                self._session.receive_binary(packet["bytes"], now_s)
            self._advance(now_s)

    async def _write_all(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    write = self._outbox.popleft()
                    async with asyncio.timeout(_SEND_DEADLINE_S):
                        await self._write(write)
                    if isinstance(write, Close):
                        return
                    if len(self._outbox) < _OUTBOX_PACKETS_PAUSE:
                        self._room.set()
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            self._abort(f"writing failed: {str(error) or type(error).__name__}")

    async def _write(self, write: Packet | Close) -> None:
        if isinstance(write, Close):
            await self._websocket.close(write.code, write.reason)
        else:
            await self._websocket.send_text(write.text)

    def _end(self, reason: str, writer: asyncio.Task[None]) -> None:
        writer.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._parts.hub.leave(self)
        self._note("=", "disconnected", reason)

    def _abort(self, reason: str) -> None:
        if self._reader is not None and self._dropped is None:
            self._dropped = reason
            self._reader.cancel()

    # What the hub asks

    def send_command(self, message: Message) -> bool:
        """Sends a command; says whether the link could take it."""
        sent = self._session.send_command(message)
        self._advance(time.monotonic())
        return sent

    def close(self, name: str, sentence: str) -> None:
        """Ends the link with a close code of the schema, by name."""
        self._session.close(name, sentence)
        self._advance(time.monotonic())

    # Carrying out what the session says

    def _advance(self, now_s: float) -> None:
        """Acts on events until there are none, then queues what there is to write."""
        while events := self._session.take_events():
            for event in events:
                self._act(event, now_s)
        for write in self._session.take_writes():
            self._post(write)

    def _act(self, event: Event, now_s: float) -> None:
        match event:
            case Heard(message, text):
                self._note("<", type_name(message), text)
                if type_name(message) == "ack":
                    self._parts.hub.acknowledge(self, message)
            case Framed(data):
                self._note("<", "frame", f"{len(data)} bytes")
            case TokenShown(token):
                self._judge_token(token)
            case Introduced(message, text):
                self._note("<", "connect", text, device=message.device)
                self._judge_name(message, now_s)
            case Faulted(fault, text):
                self._note("<", "fault", f"{fault.code}: {fault.message}; {'(hidden)' if text is None else text}")
            case Closed(code, fault):
                self._note("=", "closing", f"{code} {fault.code}: {fault.message}")

    def _judge_token(self, token: str) -> None:
        self._note("<", "auth", '{"type":"auth","token":"(hidden)"}')
        decision = self._parts.access.show_token(self._caller, self.kind_name, token)
        if isinstance(decision, Refused):
            self._note("=", "refused", f"{decision.status} {decision.code}")
            self._session.refuse(Fault(decision.code, decision.message), decision.retry_after_s)
        else:
            self._admitted = decision
            self._session.admit()

    def _judge_name(self, message: Any, now_s: float) -> None:
        fault = self._refuse_name(message.device)
        if fault is not None:
            self._session.refuse(fault)
            return
        self.device = message.device
        self._parts.hub.join(message.device, self, message)
        self._session.welcome(now_s)

    def _refuse_name(self, device: str) -> Fault | None:
        kind = self._parts.hub.kind_of(device)
        if kind is not None and kind != self.kind_name:
            return Fault("not_allowed", f"device: {device} is a {kind}", "device")
        refused = self._parts.access.bind(self._admitted, device) if self._admitted else None
        return None if refused is None else Fault(refused.code, refused.message)

    def _post(self, write: Packet | Close) -> None:
        if isinstance(write, Close):
            self._note(">", "close", f"{write.code} {write.reason}")
        else:
            self._note(">", write.type, write.text)
        if len(self._outbox) >= OUTBOX_PACKETS_MAX:
            self._abort("it does not read what it is sent")
            return
        self._outbox.append(write)
        if len(self._outbox) >= _OUTBOX_PACKETS_PAUSE:
            self._room.clear()
        self._wake.set()

    def _note(self, direction: str, type_: str, payload: str, device: str | None = None) -> None:
        name = self.device or device
        payload = redact(payload) if "dvz_" in payload else payload
        self._parts.journal.record(name, self.kind_name, self.address, direction, type_, payload)
        if log.isEnabledFor(logging.INFO if direction == "=" else logging.DEBUG):
            level = logging.INFO if direction == "=" else logging.DEBUG
            log.log(level, "%s %s %s %s", direction, name or self.address, type_, payload[:75])

    # Time

    def _set_timer(self) -> None:
        """One timer a link; packets never move it, it looks again when it fires."""
        deadline_s = self._session.deadline_s
        if deadline_s is None:
            return
        wait_s = min(max(deadline_s - time.monotonic(), 0.0), _REVOKED_CHECK_S)
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        now_s = time.monotonic()
        token = self._admitted.token_id if self._admitted else None
        if token is not None and not self._parts.access.is_token_live(token):
            self._session.refuse(Fault("not_authorised", "the token of this device was revoked"))
        self._session.unix_offset_s = self._parts.unix_offset_s
        self._session.tick(now_s)
        self._advance(now_s)
        self._set_timer()
