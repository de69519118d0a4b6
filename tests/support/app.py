"""A gateway inside the test's own process: the real parts and the real application, without a socket."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from click.testing import CliRunner, Result
from starlette import routing
from starlette.applications import Starlette

from darvaz.cli import cli
from darvaz.gateway.app import build_app, build_parts
from darvaz.gateway.greeting import greeting
from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.local_programs import Address, LocalPrograms
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings
from tests.support.asgi import AppTransport, MemoryWebSocket, open_websocket
from tests.support.databases import put_new_database, put_new_history
from tests.support.journalled import Line, lines

# Each gateway has the same hundred paths: to make their patterns again takes as long as a short test.
routing.compile_path = functools.cache(routing.compile_path)

LOCALHOST = "127.0.0.1"
# More than a reader of the API waits: two busy cores write late.
WRITTEN_DEADLINE_S = 30.0


class _NoSystem(LocalPrograms):
    """Takes each connection from loopback for one of a local program: in process there is none to look at."""

    async def is_local(self, peer: Address, here: Address) -> bool:
        return True


class RunningApp:
    """Runs a gateway on a data folder of its own until the block ends; `settings` are fields of `Settings`."""

    port = 3000
    host = f"{LOCALHOST}:{port}"
    url = f"http://{host}"

    def __init__(self, **settings: Any) -> None:
        self.parts: Parts
        self.app: Starlette
        self.printed = ""
        """What `darvaz serve` would have printed at each start so far."""
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="darvaz-test-")
        self.data = Path(self._folder.name) / "data"
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._folder.cleanup()

    async def start(self) -> None:
        """Builds the gateway from its data folder and runs the application's start."""
        if not self.data.exists():
            put_new_database(self.data)
            put_new_history(self.data)
        self.parts = build_parts(Settings(data=str(self.data), **self._settings))
        self.parts.local_programs = _NoSystem()
        self.app = build_app(self.parts)
        self.printed += "\n".join(greeting(self.parts, LOCALHOST, self.port)) + "\n"
        await self._running.enter_async_context(self.app.router.lifespan_context(self.app))

    async def stop(self) -> None:
        """Runs the application's end; the data folder stays."""
        await self._running.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    # Clients

    def client(self, address: str = LOCALHOST, **options: Any) -> httpx.AsyncClient:
        """Returns an HTTP client that comes from an address."""
        return httpx.AsyncClient(transport=AppTransport(self.app, address), base_url=self.url, **options)

    async def ask(self, method: str, path: str, address: str = LOCALHOST, **options: Any) -> httpx.Response:
        """Sends one request and returns its whole response."""
        async with self.client(address) as client:
            return await client.request(method, path, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("POST", path, **options)

    async def open_websocket(
        self, path: str, headers: dict[str, str] | None = None, address: str = LOCALHOST
    ) -> MemoryWebSocket:
        """Opens a WebSocket; raises `InvalidStatus` where the gateway denies it."""
        return await open_websocket(self.app, path, {"Host": self.host, **(headers or {})}, address)

    @contextlib.asynccontextmanager
    async def websocket(
        self, path: str, headers: dict[str, str] | None = None, address: str = LOCALHOST
    ) -> AsyncIterator[MemoryWebSocket]:
        """Opens a WebSocket for the block."""
        link = await self.open_websocket(path, headers, address)
        try:
            yield link
        finally:
            await link.close()

    async def token(self, kind: str = "pico") -> str:
        """Returns a fresh token of a kind, fetched as the guide says."""
        tokens: str = (await self.get("/public/tokens")).json()[f"{kind}_tokens"][0]
        return tokens

    # What it keeps

    async def run_cli(self, *arguments: str) -> Result:
        """Runs the `darvaz` command on the data folder, as another process would while the gateway runs."""
        # In a thread: a command that changes the data waits until the gateway has read the change.
        return await asyncio.to_thread(self.run_reading_cli, *arguments)

    def run_reading_cli(self, *arguments: str) -> Result:
        """Runs a command that changes nothing; `log` handles signals, which only the main thread can do."""
        env = {"DARVAZ_DATA": str(self.data), "DARVAZ_GATEWAY": None}
        return CliRunner(env=env).invoke(cli, arguments)

    async def journal(self, **wanted: str) -> list[Line]:
        """Returns the entries of the journal with the wanted columns, oldest first."""
        await wait_until_written(self.parts.journal, WRITTEN_DEADLINE_S)
        return [line for line in lines(self.data) if wanted.items() <= vars(line).items()]
