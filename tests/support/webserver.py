"""A uvicorn in a thread of its own, with the application and the WebSocket protocol that a test gives it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import uvicorn

_DEADLINE_S = 10.0
_POLL_S = 0.01


class _Server(uvicorn.Server):
    """A server without signal handlers, which only a main thread may have."""

    def install_signal_handlers(self) -> None: ...


class WebServer:
    """Serves an ASGI application on a free port of this machine until the block ends."""

    def __init__(
        self,
        app: Callable[..., Any],
        ws: Any,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        **options: Any,
    ) -> None:
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, ws=ws, log_config=None, access_log=False, lifespan="off",
            ws_ping_interval=None, ws_ping_timeout=None, timeout_graceful_shutdown=3,
            **{"ws_per_message_deflate": False, **options},
        )  # fmt: skip
        self.app = app
        self.server = _Server(config)
        self.port = 0
        self._loop_factory = loop_factory
        self._thread = threading.Thread(target=self._run, name="webserver", daemon=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            self.loop = runner.get_loop()
            runner.run(self.server.serve())

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.server.started, "the server did not start")
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the server as SIGTERM does."""
        self.server.should_exit = True
        self._thread.join(_DEADLINE_S)
        assert not self._thread.is_alive(), "the server did not stop"

    def call(self, function: Callable[[], Any]) -> Any:
        """Calls a function in the server's thread and returns what it returns."""

        async def called() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(_DEADLINE_S)


def wait_until(condition: Callable[[], object], sentence: str = "the condition did not become true") -> None:
    """Waits until the condition is true; fails with the sentence after the deadline."""
    deadline_s = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, sentence
        time.sleep(_POLL_S)
