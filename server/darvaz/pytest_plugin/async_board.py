"""The board for asyncio tests: the methods of `Board`, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from darvaz.client.types import DeviceInfo
from darvaz.pytest_plugin.board import EXEC_TIMEOUT_S, LOG_TIMEOUT_S, TELEMETRY_TIMEOUT_S, Board
from darvaz.pytest_plugin.errors import BenchError, BoardError
from darvaz.pytest_plugin.expectations import Value
from darvaz.pytest_plugin.gateway import BenchGateway

if TYPE_CHECKING:
    # A virtual board needs Linux, a real one does not.
    from darvaz.boards.virtual.hardware import Hardware

_Result = TypeVar("_Result")


class AsyncBoard:
    """`Board` with methods to await; the event loop runs on meanwhile, and several can wait at once."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.id = board.id

    @property
    def gateway(self) -> BenchGateway:
        """The gateway at which it is online."""
        return self.board.gateway

    @property
    def hardware(self) -> Hardware:
        """The simulated pins, parts, Wi-Fi and camera of a virtual board; on any other board the test is skipped."""
        __tracebackhide__ = True
        return self.board.hardware

    async def about(self) -> DeviceInfo:
        """Returns what the gateway knows about it; empty if it never connected."""
        return await _in_thread(self.board.about)

    async def command(self, name: str, /, **args: Any) -> Any:
        """Returns the result of a command; raises `CommandFailed` with the board's reason."""
        __tracebackhide__ = True
        return await _in_thread(lambda: self.board.command(name, **args))

    async def expect_log(self, pattern: str, timeout_s: float = LOG_TIMEOUT_S) -> str:
        """Returns the next log line in which a regular expression is found; raises `NotSeenError`."""
        __tracebackhide__ = True
        return await _in_thread(lambda: self.board.expect_log(pattern, timeout_s))

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
        """Returns the next matching value of a name; raises `NotSeenError` with those that arrived."""
        __tracebackhide__ = True
        conditions: dict[str, Any] = {"equals": equals, "above": above, "below": below, "where": where}
        return await _in_thread(lambda: self.board.expect_telemetry(name, timeout_s=timeout_s, **conditions))

    async def snapshot(self) -> bytes:
        """Returns a new JPEG of its camera; raises `BoardError` with the reason."""
        __tracebackhide__ = True
        return await _in_thread(self.board.snapshot)

    async def reset(self) -> None:
        """Restarts it as its button does, and waits until its program is online again."""
        __tracebackhide__ = True
        await _in_thread(self.board.reset)

    async def power_cycle(self) -> None:
        """Switches its power off and on, and waits until its program is online again."""
        __tracebackhide__ = True
        await _in_thread(self.board.power_cycle)

    async def exec(self, code: str, timeout_s: float = EXEC_TIMEOUT_S) -> str:
        """Ends its program, runs code at its prompt and returns what it printed; raises `ExecFailed`."""
        __tracebackhide__ = True
        return await _in_thread(lambda: self.board.exec(code, timeout_s))

    async def wait_online(self, timeout_s: float | None = None) -> None:
        """Waits until its program is online; raises `NotSeenError` with its state."""
        __tracebackhide__ = True
        await _in_thread(lambda: self.board.wait_online(timeout_s))


async def _in_thread(action: Callable[[], _Result]) -> _Result:
    __tracebackhide__ = True
    try:
        return await asyncio.to_thread(action)
    except (BoardError, BenchError) as error:
        # A traceback through the thread would only make the report longer.
        raise error.with_traceback(None) from None
