"""Requests of other gateways, answered beside each other, and no more of them at a time than a maximum."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.errors import Error

from darvaz.gateway.cluster.ending import end_tasks

log = logging.getLogger("darvaz.cluster")


class Answering:
    """Answers each request with what `answer` returns for it, or not at all for None. For the event loop only.

    Beyond `tasks_max` at a time, `busy` is the answer. `what` is its name in the log, such as "a picture".
    """

    def __init__(
        self, what: str, tasks_max: int, busy: bytes, answer: Callable[[Msg], Awaitable[bytes | None]]
    ) -> None:
        self._what = what
        self._tasks_max = tasks_max
        self._busy = busy
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """Returns how many are under way."""
        return len(self._tasks)

    async def receive(self, message: Msg) -> None:
        """Begins to answer a request."""
        if len(self._tasks) >= self._tasks_max:
            await self._respond(message, self._busy)
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends what is under way; those who asked wait until their deadline."""
        await end_tasks(self._tasks)

    async def _carry_out(self, message: Msg) -> None:
        answer = await self._answer(message)
        if answer is not None:
            await self._respond(message, answer)

    async def _respond(self, message: Msg, answer: bytes) -> None:
        try:
            await message.respond(answer)
        except (Error, OSError) as error:
            log.info("= %s could not be sent to another gateway: %s", self._what, error)
