"""Runs code at the prompts of boards: in parts that fit into a packet, and puts together what they answer."""

from __future__ import annotations

import asyncio
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
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

DEADLINE_S = 60.0
# As JSON: a board takes packets of 2 KB.
PART_BYTES_MAX = 1_400
OUTPUT_CHARS_MAX = 262_144
_IDS = 2**30
# The line of a traceback that is the prompt itself.
_OWN_CALL = re.compile(r'^  File "/lib/darvaz/prompt\.m?py", line \d+, in _execute\n', re.MULTILINE)


class PromptResult(msgspec.Struct):
    """What code printed, and the traceback of the exception that ended it; null if none did."""

    output: str
    error: str | None


@dataclass(slots=True)
class _Answer:
    """What has arrived of an answer; `done` has the reason if the board refused."""

    device: str
    done: asyncio.Future[str | None]
    output: list[str] = field(default_factory=list)
    error: list[str] = field(default_factory=list)
    chars: int = 0


class Prompts:
    """The prompts of all connected boards. Used from the event loop only."""

    def __init__(self, hub: Hub, protocol: MessageCodec, bus: EventBus) -> None:
        self._hub = hub
        self._protocol = protocol
        self._leases = Leases(time.monotonic)
        self._ids = itertools.count(1)
        # Answers that are awaited, by the id of their request.
        self._awaited: dict[int, _Answer] = {}
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
        lease = self._leases.take(device, session, holder)
        lease.uses += 1
        self._watch_leases()
        try:
            parts = list(split(code))
            for part in parts[:-1]:
                await self._ask(device, "part", part)
            step = "part" if has_more else "value" if is_value else "run"
            answer = await self._ask(device, step, parts[-1])
            return PromptResult("".join(answer.output), _OWN_CALL.sub("", "".join(answer.error)) or None)
        finally:
            lease.uses -= 1
            lease.used_s = time.monotonic()

    async def close(self, device: str, session: str) -> bool:
        """Ends a session and returns whether there was one; the board forgets what it has set."""
        if not self._leases.release(device, session):
            return False
        # A board that is away has forgotten it.
        with contextlib.suppress(CommandError):
            await self._ask(device, "close")
        return True

    async def _ask(self, device: str, step: str, code: str | None = None) -> _Answer:
        self._hub.check_online(device)
        identity = next(self._ids) % _IDS
        fields: dict[str, Any] = {"id": identity, "step": step}
        if code is not None:
            fields["code"] = code
        message = self._protocol.check("prompt", fields)
        assert not isinstance(message, Fault), message
        answer = self._awaited[identity] = _Answer(device, asyncio.get_running_loop().create_future())
        try:
            if not self._hub.send_message(device, message):
                raise OfflineError(f"{device} is disconnecting")
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
            return
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

    def _on_presence(self, device: str, _: bool) -> None:
        for answer in self._awaited.values():
            if answer.device == device and not answer.done.done():
                answer.done.set_exception(OfflineError(f"{device} disconnected before its prompt answered"))

    # Leases

    def _watch_leases(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LEASE_S / 4, self._end_leases)

    def _end_leases(self) -> None:
        self._timer = None
        for device, session in self._leases.expired():
            self._leases.release(device, session)
            message = self._protocol.check("prompt", {"id": next(self._ids) % _IDS, "step": "close"})
            if not isinstance(message, Fault):
                self._hub.send_message(device, message)
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
