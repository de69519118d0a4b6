"""The board for asyncio tests: the same words, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from darvaz.pytest_plugin.board import EXEC_TIMEOUT_S, LOG_TIMEOUT_S, TELEMETRY_TIMEOUT_S, Board
from darvaz.pytest_plugin.errors import BenchError, BoardError
from darvaz.pytest_plugin.expectations import Value
from darvaz.pytest_plugin.gateway import Gateway

if TYPE_CHECKING:
    # Needs Linux, which a real board does not.
    from darvaz.boards.virtual.hardware import Hardware

_Result = TypeVar("_Result")


class AsyncBoard:
    """`Board` with methods to await; the event loop runs on meanwhile, and several may wait side by side."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.id = board.id

    @property
    def gateway(self) -> Gateway:
        """Where it is online."""
        return self.board.gateway

    @property
    def hardware(self) -> Hardware:
        """A virtual board's pins, Wi-Fi and camera, to be steered; on any other board the test is skipped."""
        __tracebackhide__ = True
        return self.board.hardware

    async def about(self) -> dict[str, Any]:
        """Returns what the gateway knows of it."""
        return await _aside(self.board.about)

    async def command(self, name: str, /, **args: Any) -> Any:
        """Returns the result of a command; raises `CommandFailed` with the board's own words."""
        __tracebackhide__ = True
        return await _aside(lambda: self.board.command(name, **args))

    async def expect_log(self, pattern: str, timeout_s: float = LOG_TIMEOUT_S) -> str:
        """Returns the next log line in which a regular expression is found; raises `NotSeenError`."""
        __tracebackhide__ = True
        return await _aside(lambda: self.board.expect_log(pattern, timeout_s))

    async def expect_telemetry(
        self,
        name: str,
        *,
        equals: Value | None = None,
        above: float | None = None,
        below: float | None = None,
        where: Callable[[Any], bool] | None = None,
        timeout_s: float = TELEMETRY_TIMEOUT_S,
    ) -> Any:
        """Returns the next value of a name that is as wanted; raises `NotSeenError` with those that came."""
        __tracebackhide__ = True
        wanted: dict[str, Any] = {"equals": equals, "above": above, "below": below, "where": where}
        return await _aside(lambda: self.board.expect_telemetry(name, timeout_s=timeout_s, **wanted))

    async def snapshot(self) -> bytes:
        """Returns a fresh JPEG of its camera; raises `BoardError` with what was said instead."""
        __tracebackhide__ = True
        return await _aside(self.board.snapshot)

    async def reset(self) -> None:
        """Restarts it as its button does, and waits until its program is online again."""
        __tracebackhide__ = True
        await _aside(self.board.reset)

    async def power_cycle(self) -> None:
        """Takes its power away and gives it back, and waits until its program is online again."""
        __tracebackhide__ = True
        await _aside(self.board.power_cycle)

    async def exec(self, code: str, timeout_s: float = EXEC_TIMEOUT_S) -> str:
        """Ends its program, runs code at its prompt and returns what it printed; raises `ExecFailed`."""
        __tracebackhide__ = True
        return await _aside(lambda: self.board.exec(code, timeout_s))

    async def wait_online(self, timeout_s: float | None = None) -> None:
        """Waits until its program is online; raises `NotSeenError` with what is known of it instead."""
        __tracebackhide__ = True
        await _aside(lambda: self.board.wait_online(timeout_s))


async def _aside(what: Callable[[], _Result]) -> _Result:
    __tracebackhide__ = True
    try:
        return await asyncio.to_thread(what)
    except (BoardError, BenchError) as error:
        # How it came out of the thread is of no interest to who reads the report.
        raise error.with_traceback(None) from None
