"""Runs code at the prompts of boards: in parts that fit into a packet, and puts together what they answer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from darvaz.gateway.devices.errors import CommandError, OfflineError, RefusedByBoardError, TimedOutError
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.prompts.leases import LEASE_S, Leases
from darvaz.gateway.prompts.terminals import StoppedTerminal
from darvaz.gateway.prompts.typed_input import WAITING_BYTES_MAX
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

DEADLINE_S = 60.0
# As JSON: a board takes packets of 2 KB.
PART_BYTES_MAX = 1_400
OUTPUT_CHARS_MAX = 262_144
OUTPUT_WAIT_S = 20.0
# So long, what is typed waits for its turn before it is dropped.
INPUT_WAIT_S = 5.0
_IDS = 2**30
# The line of a traceback that is the prompt itself.
_OWN_CALL = re.compile(r'^  File "/lib/darvaz/(prompt|stopped)\.m?py", line \d+, in _execute\n', re.MULTILINE)


class PromptResult(msgspec.Struct):
    """What code printed, and the traceback of the exception that ended it; null if none did."""

    output: str
    error: str | None


class PromptOutput(msgspec.Struct):
    """What code in place of the program has printed from the place `at` on, and how it ended if it does not run."""

    at: int
    data: str
    running: bool
    error: str | None


class NotStoppedError(CommandError):
    """The program of the device goes on, or other code runs in its place."""

    status = 409
    code = "not_stopped"


class InputFullError(CommandError):
    """The code takes too little of what is typed."""

    status = 409
    code = "input_full"


@dataclass(slots=True)
class _Answer:
    """What has arrived of an answer; `done` has the reason if the board refused."""

    device: str
    done: asyncio.Future[str | None]
    output: list[str] = field(default_factory=list)
    error: list[str] = field(default_factory=list)
    chars: int = 0
    input_bytes_max: int | None = None


class Prompts:
    """The prompts of all connected boards. Used from the event loop only."""

    def __init__(self, hub: Hub, protocol: MessageCodec, bus: EventBus) -> None:
        self._hub = hub
        self._protocol = protocol
        self._leases = Leases(time.monotonic)
        self._ids = itertools.count(1)
        # Answers that are awaited, by the id of their request.
        self._awaited: dict[int, _Answer] = {}
        # Of devices whose program is stopped.
        self._terminals: dict[str, StoppedTerminal] = {}
        # Ends leases that nobody uses; None while there are none.
        self._timer: asyncio.TimerHandle | None = None
        bus.subscribe(("prompt_output",), self._on_output)
        hub.on_presence(self._on_presence)

    async def run(
        self, device: str, code: str, *, session: str, holder: str, is_value: bool = False, has_more: bool = False
    ) -> PromptResult:
        """Runs code, or keeps it until the rest follows (`has_more`); raises a `CommandError` with the reason.

        With `is_value`, it is an expression whose value is printed, awaited if it is to be.
        """
        with self._lease(device, session, holder):
            if device in self._terminals:
                raise NotStoppedError(f"the program of {device} is stopped: code runs in its place")
            parts = list(split(code))
            for part in parts[:-1]:
                await self._ask(device, "part", part)
            step = "part" if has_more else "value" if is_value else "run"
            answer = await self._ask(device, step, parts[-1])
            return PromptResult("".join(answer.output), _OWN_CALL.sub("", "".join(answer.error)) or None)

    async def close(self, device: str, session: str) -> bool:
        """Ends a session and returns whether there was one; the board forgets what it has set."""
        if not self._leases.release(device, session):
            return False
        self._forget_terminal(device, "the session has ended")
        # A board that is away has forgotten it.
        with contextlib.suppress(CommandError):
            await self._ask(device, "close")
        return True

    # In place of the program

    async def stop(self, device: str, *, session: str, holder: str) -> None:
        """Stops the program of a board until the session ends; raises a `CommandError` with the reason."""
        with self._lease(device, session, holder):
            try:
                answer = await self._ask(device, "stop")
            except CommandError:
                # Nobody waits for what was not stopped.
                self._leases.release(device, session)
                raise
            self._terminals[device] = StoppedTerminal(session, answer.input_bytes_max)

    async def begin(
        self, device: str, code: str, *, session: str, holder: str, is_value: bool = False, has_more: bool = False
    ) -> None:
        """Runs code in place of the program and returns at once, or keeps it until the rest follows (`has_more`)."""
        with self._lease(device, session, holder):
            terminal = self._terminal_of(device, session)
            if terminal.running is not None:
                raise NotStoppedError(f"the code before it is still running on {device}: end it with Ctrl-C")
            parts = list(split(code))
            for part in parts if has_more else parts[:-1]:
                await self._ask(device, "part", part)
            if not has_more:
                identity = next(self._ids) % _IDS
                terminal.begin(identity)
                self._send(device, identity, "value" if is_value else "run", code=parts[-1])

    async def type(self, device: str, data: bytes, *, session: str, holder: str) -> None:
        """Gives bytes to the code that runs in place of the program; 3 is Ctrl-C, which overtakes what waits.

        Waits until they fit. Raises `InputFullError` if the code takes too little of it: then none of it is kept.
        """
        with self._lease(device, session, holder):
            terminal = self._terminal_of(device, session)
            code, interrupts = terminal.running, terminal.typed.interrupts
            while code is not None and terminal.running == code and terminal.typed.interrupts == interrupts:
                is_put = terminal.typed.put(data)
                self._send_typed(device, terminal)
                if is_put:
                    return
                if not await terminal.wait_until_fits(len(data), INPUT_WAIT_S):
                    raise InputFullError(
                        f"the code on {device} takes too little of what is typed: {len(data)} bytes are dropped, as"
                        f" {WAITING_BYTES_MAX} wait already; Ctrl-C drops those as well"
                    )

    async def read(self, device: str, at: int, *, session: str, holder: str) -> PromptOutput:
        """Returns what the code has printed from a place on; waits until there is some, or the code ends."""
        with self._lease(device, session, holder):
            terminal = self._terminal_of(device, session)
            await terminal.wait(at, OUTPUT_WAIT_S)
            if terminal.reason is not None:
                self._hub.check_online(device)
                raise RefusedByBoardError(terminal.reason)
            data, start = terminal.read(at)
            error = None if terminal.running else "".join(terminal.error) or None
            return PromptOutput(start, base64.b64encode(data).decode(), terminal.running is not None, error)

    @contextlib.contextmanager
    def _lease(self, device: str, session: str, holder: str) -> Iterator[None]:
        lease = self._leases.take(device, session, holder)
        lease.uses += 1
        self._watch_leases()
        try:
            yield
        finally:
            lease.uses -= 1
            lease.used_s = time.monotonic()

    def _terminal_of(self, device: str, session: str) -> StoppedTerminal:
        self._hub.check_online(device)
        terminal = self._terminals.get(device)
        if terminal is None or terminal.session != session:
            raise NotStoppedError(f"the program of {device} is not stopped: stop it first")
        return terminal

    def _forget_terminal(self, device: str, reason: str) -> None:
        terminal = self._terminals.pop(device, None)
        if terminal is not None:
            terminal.end(reason)

    # To the board

    def _send(self, device: str, identity: int, step: str, **fields: Any) -> None:
        message = self._protocol.check("prompt", {"id": identity, "step": step, **fields})
        assert not isinstance(message, Fault), message
        if not self._hub.send_message(device, message):
            raise OfflineError(f"{device} is disconnecting")

    def _send_typed(self, device: str, terminal: StoppedTerminal) -> None:
        for step, data in terminal.typed.take_steps():
            fields = {"data": base64.b64encode(data).decode()} if data else {}
            self._send(device, next(self._ids) % _IDS, step, **fields)

    async def _ask(self, device: str, step: str, code: str | None = None) -> _Answer:
        self._hub.check_online(device)
        identity = next(self._ids) % _IDS
        answer = self._awaited[identity] = _Answer(device, asyncio.get_running_loop().create_future())
        try:
            self._send(device, identity, step, **({} if code is None else {"code": code}))
            async with asyncio.timeout(DEADLINE_S):
                refusal = await answer.done
        except TimeoutError:
            raise TimedOutError(
                f"{device} did not answer its prompt within {DEADLINE_S:g} s: the code goes on, or the firmware of the"
                " board is too old for it"
            ) from None
        finally:
            self._awaited.pop(identity, None)
        if refusal is not None:
            raise RefusedByBoardError(refusal)
        return answer

    # From the board

    def _on_output(self, _: str, device: str | None, message: Any, __: float) -> None:
        answer = self._awaited.get(message.id)
        if answer is None or answer.device != device or answer.done.done():
            self._on_terminal(device or "", message)
            return
        if message.input_bytes_max is not msgspec.UNSET:
            answer.input_bytes_max = message.input_bytes_max
        for value, texts in ((message.text, answer.output), (message.error_text, answer.error)):
            if value is not msgspec.UNSET:
                texts.append(value)
                answer.chars += len(value)
        if answer.chars > OUTPUT_CHARS_MAX:
            answer.done.set_result(f"{device} prints more than {OUTPUT_CHARS_MAX} characters")
        elif message.state == "refused":
            reason = "" if message.message is msgspec.UNSET else message.message
            answer.done.set_result(reason or f"{device} could not run it")
        elif message.state == "done":
            answer.done.set_result(None)

    def _on_terminal(self, device: str, message: Any) -> None:
        terminal = self._terminals.get(device)
        if terminal is None or terminal.running != message.id:
            return
        if message.data is not msgspec.UNSET:
            with contextlib.suppress(binascii.Error):
                terminal.add(base64.b64decode(message.data))
        if message.text is not msgspec.UNSET:
            # A board that cannot pass on its terminal.
            terminal.add(message.text.replace("\n", "\r\n").encode())
        if message.taken_bytes is not msgspec.UNSET or message.interrupted is not msgspec.UNSET:
            taken = 0 if message.taken_bytes is msgspec.UNSET else message.taken_bytes
            terminal.on_typed(taken, None if message.interrupted is msgspec.UNSET else message.interrupted)
            with contextlib.suppress(OfflineError):
                self._send_typed(device, terminal)
        if message.error_text is not msgspec.UNSET:
            terminal.error.append(message.error_text)
        if message.state == "refused":
            terminal.end("" if message.message is msgspec.UNSET else message.message)
        elif message.state == "done":
            terminal.error = [_OWN_CALL.sub("", "".join(terminal.error))]
            terminal.end(None)

    def _on_presence(self, device: str, _: bool) -> None:
        self._forget_terminal(device, f"{device} disconnected; its program starts again")
        for answer in self._awaited.values():
            if answer.device == device and not answer.done.done():
                answer.done.set_exception(OfflineError(f"{device} disconnected before its prompt answered"))

    # For another gateway

    def lend(self, device: str, session: str, holder: str, *, is_busy: bool) -> None:
        """Holds the prompt for a session that another gateway has; raises `InUseError` if somebody else is there."""
        lease = self._leases.take(device, session, holder)
        lease.uses = int(is_busy)
        self._watch_leases()

    def is_lent(self, device: str, session: str) -> bool:
        """Returns whether a session has the prompt of a device."""
        return self._leases.has(device, session)

    def give_back(self, device: str, session: str) -> None:
        """Ends `lend`."""
        self._leases.release(device, session)

    def lose(self, device: str) -> None:
        """Takes that a device at another gateway has no link any more, or a new one."""
        self._on_presence(device, False)

    # Leases

    def _watch_leases(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LEASE_S / 12, self._end_leases)

    def _end_leases(self) -> None:
        self._timer = None
        for device, session in self._leases.expired():
            self._leases.release(device, session)
            self._forget_terminal(device, "the session was not used, and has ended")
            with contextlib.suppress(OfflineError):
                self._send(device, next(self._ids) % _IDS, "close")
        if self._leases:
            self._watch_leases()


def split(code: str) -> Iterator[str]:
    """Yields code in parts that fit into a packet; at least one."""
    at = 0
    while True:
        size = min(PART_BYTES_MAX, len(code) - at)
        while len(json.dumps(code[at : at + size], ensure_ascii=False).encode()) > PART_BYTES_MAX:
            size = size * 2 // 3
        yield code[at : at + size]
        at += size
        if at >= len(code):
            return
