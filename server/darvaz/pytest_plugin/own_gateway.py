"""A gateway for one run of tests: a process with a data folder, both of which end with the run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from darvaz.client.config import GatewayConfig
from darvaz.pytest_plugin.errors import BenchError
from darvaz.pytest_plugin.gateway import BenchGateway
from darvaz.pytest_plugin.gateway_process import GatewayProcess, GatewayProcessError


class OwnGateway(BenchGateway):
    """`darvaz serve` on a free port of this machine; it gets no settings of the environment."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="darvaz-pytest-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        options = ("--host", "127.0.0.1")
        self.process = GatewayProcess(folder / "data", folder / "gateway.txt", *options, ends_with_us=True)
        super().__init__(GatewayConfig(self.process.url, data=self.process.data))

    def start(self) -> None:
        """Starts it and waits until it answers; after `stop` it has its old data."""
        try:
            self.process.start()
        except GatewayProcessError as error:
            raise BenchError(str(error)) from None

    def stop(self) -> None:
        """Ends it in order; boards lose their link."""
        self.process.stop()

    def close(self) -> None:
        """Ends it, and deletes its data."""
        super().close()
        self.process.close()
        self._folder.cleanup()

    def log_text(self) -> str:
        """Returns what it printed."""
        return self.process.log_text()
