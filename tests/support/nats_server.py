"""NATS servers of the real program on ports of their own, one or three that are a cluster."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.gateway import unused_port
from tests.support.needs import missing

_DEADLINE_S = 60.0


class NatsServer:
    """Runs a server with JetStream until the block ends; `options` are more of its configuration."""

    def __init__(self, folder: Path, name: str = "n0", options: str = "") -> None:
        self.name = name
        self.port = unused_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._output = self._folder / "output.txt"
        self._settings = self._folder / "nats.conf"
        store = f'jetstream {{ store_dir: "{self._folder / "store"}", max_file_store: 256MB, max_memory_store: 64MB }}'
        first = f"server_name: {name}\nlisten: 127.0.0.1:{self.port}\n{store}\n"
        self._settings.write_text(first + options + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, and returns once it listens."""
        with self._output.open("ab") as output:
            command = [_program(), "-c", str(self._settings)]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        end_s = time.monotonic() + _DEADLINE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
                return
            except OSError:
                assert self._process is not None and self._process.poll() is None, self._output.read_text()
                assert time.monotonic() < end_s, self._output.read_text()
                time.sleep(0.01)

    def kill(self) -> None:
        """Ends it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stops it without ending its connections, as a cut cable would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Ends `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


def _program() -> str:
    found = Path(sys.executable).with_name("nats-server")
    program = str(found) if found.exists() else shutil.which("nats-server")
    if program is None:
        missing("nats-server is not installed")
    return program


def three_servers(folder: Path, stack: ExitStack) -> list[NatsServer]:
    """Starts three servers that keep everything three times, until the stack ends."""
    routes = [unused_port() for _ in range(3)]
    others = ", ".join(f"nats://127.0.0.1:{port}" for port in routes)
    servers = [
        NatsServer(
            folder, f"n{number}",
            f"cluster {{ name: test, listen: 127.0.0.1:{port}, no_advertise: true, routes: [{others}] }}",
        )
        for number, port in enumerate(routes)
    ]  # fmt: skip
    for server in servers:
        stack.enter_context(server)
    return servers
