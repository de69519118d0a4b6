"""Stubs of a transport and an event loop, without sockets and time: they record what the protocol class does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class Transport:
    """Accepts all bytes at once and records them."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_reading = True
        self.is_over = False

    def write(self, data: bytes) -> None:
        if not self.is_over:
            self.written += data

    def close(self) -> None:
        self.is_over = True

    abort = close

    def write_eof(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.is_over

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Task:
    """A coroutine that must end without waiting, or the test fails."""

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def add_done_callback(self, callback: Callable[..., Any]) -> None:
        pass

    def run(self) -> None:
        try:
            self.coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("the application waited")


class Loop:
    """Runs scheduled callbacks when `run` is called; its timers never fire."""

    def __init__(self) -> None:
        self._due: deque[Callable[[], Any]] = deque()

    def call_soon(self, callback: Callable[[], Any]) -> None:
        self._due.append(callback)

    def call_later(self, delay_s: float, callback: Callable[[], Any]) -> Any:
        return self

    def cancel(self) -> None:
        """Does nothing: a timer never fires."""

    def create_task(self, coroutine: Any) -> Task:
        task = Task(coroutine)
        self._due.append(task.run)
        return task

    def create_future(self) -> asyncio.Future[None]:
        raise AssertionError("nothing waits in this test")

    def run(self) -> None:
        while self._due:
            self._due.popleft()()
