"""Steps of updates for boards that have a link to this gateway, and their answers."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.releases.transfer import TransferError
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

# A board hashes and copies meanwhile.
ANSWER_DEADLINE_S = 30.0
_IDS = 2**30


class AwayError(Exception):
    """The link ended, or the board did not answer; it is not asked again for `least_s`."""

    def __init__(self, text: str, least_s: float = 0.0) -> None:
        super().__init__(text)
        self.least_s = least_s


class Asking:
    """Sends a step and waits for its answer. Used from the event loop only."""

    def __init__(self, hub: Hub, protocol: MessageCodec) -> None:
        self._hub = hub
        self._protocol = protocol
        self._ids = itertools.count(1)
        # By device and id: who waits for an answer.
        self._answers: dict[tuple[str, int], asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, device: str, step: dict[str, Any]) -> dict[str, Any]:
        """Returns the answer of a board to a step; raises `AwayError`, or `TransferError` for what no board takes."""
        identity = next(self._ids) % _IDS
        message = self._protocol.check("update", {"id": identity, **step})
        if isinstance(message, Fault):
            raise TransferError(message.message)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[device, identity] = answer
        try:
            if not self._hub.is_here(device) or not self._hub.send_message(device, message):
                raise AwayError("the board is away")
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                return await answer
        except TimeoutError:
            raise AwayError(f"the board did not answer within {ANSWER_DEADLINE_S:g} s") from None
        finally:
            self._answers.pop((device, identity), None)

    def receive(self, device: str, answer: dict[str, Any]) -> bool:
        """Takes an answer; returns whether somebody waited for it."""
        waiting = self._answers.pop((device, answer.get("id", 0)), None)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(answer)
        return True

    def lose(self, device: str) -> None:
        """Takes that the link of a board has ended."""
        for (of, _), answer in list(self._answers.items()):
            if of == device and not answer.done():
                answer.set_exception(AwayError("the link ended"))
