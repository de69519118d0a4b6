"""A real gateway in a process of its own, for tests."""

from __future__ import annotations

import atexit
import contextlib
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import httpcore  # noqa: F401 (else httpx loads it in a test; pytester unloads it again, but its exceptions stay)
import httpx

from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin import gateway_process
from darvaz.pytest_plugin.gateway_process import GatewayProcessError, port_of, reserve_port
from tests.support.fork_server import can_fork, fork_server

START_DEADLINE_S = 30.0
_LAST_GREETING = "stop: Ctrl-C"
# Closed when the tests end: until then a port in it is given to nobody.
_reserved = contextlib.ExitStack()
atexit.register(_reserved.close)


def unused_port() -> int:
    """Returns a port on which nothing listens, unless the test does."""
    return port_of(_reserved.enter_context(reserve_port()))


class GatewayProcess(gateway_process.GatewayProcess):
    """Runs `darvaz serve` with a data folder of its own until the block ends.

    Without `probe` it is not asked whether it is ready: what it prints decides. It is a fork of the fork server, which
    starts at once, unless it has a prefix or `is_exec`.
    """

    process: subprocess.Popen[bytes]

    def __init__(
        self,
        *args: str,
        env: dict[str, str] | None = None,
        data: Path | None = None,
        prefix: Sequence[str] = (),
        probe: bool = True,
        is_exec: bool = False,
    ) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="darvaz-test-")
        self._probe = probe
        self._is_exec = is_exec or bool(prefix)
        folder = Path(self.folder.name)
        # Tests read the record log; the default spares memory cards.
        env = {"DARVAZ_SYNC_INTERVAL_S": "0.1"} | (env or {})
        super().__init__(data or folder / "data", folder / "log.txt", *args, env=env, prefix=prefix)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._clean_up()

    def start(self, deadline_s: float | None = None) -> None:
        try:
            super().start(START_DEADLINE_S if deadline_s is None else deadline_s)
        except GatewayProcessError as error:
            raise AssertionError(str(error)) from None

    def _launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        if self._is_exec or not can_fork(self.env):
            return super()._launch(log)
        return cast("subprocess.Popen[bytes]", fork_server().start(self.arguments, self.env, log))

    def is_ready(self) -> bool:
        return super().is_ready() if self._probe else _LAST_GREETING in self.log_text()

    def stop(self) -> int:
        """Ends it in order and returns its exit status; fails if it had to be killed."""
        was_running = self.is_running
        status = super().stop()
        assert status is not None
        assert not (was_running and status == -signal.SIGKILL), f"the gateway did not stop:\n{self.log_text()}"
        return status

    def _clean_up(self) -> None:
        self._reserved.close()
        self.folder.cleanup()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Sends a request as the command line does, with the local token."""
        if "Authorization" not in (options.get("headers") or {}):
            options.setdefault("auth", LocalTokenAuth(self.url, self.data))
        # Without TLS; to read the authorities would take 27 ms of the processor for each request.
        return httpx.request(method, self.url + path, trust_env=False, timeout=30, verify=False, **options)

    def token(self, kind: str = "pico") -> str:
        """Returns a new token of a kind, fetched as the guide says."""
        tokens: str = self.get("/public/tokens").json()[f"{kind}_tokens"][0]
        return tokens
