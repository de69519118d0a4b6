"""A headless Chromium, driven over its DevTools protocol: opens one page and runs one script in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.needs import missing

_WITH_WINDOWS = ("chromium", "chromium-browser", "google-chrome")
# It has no windows, and takes half of the processor time of the others, which are used where it is missing.
_SHELL = "chromium-headless-shell"
_NAMES = (_SHELL, *_WITH_WINDOWS)
_START_DEADLINE_S = 45.0
_ANSWER_DEADLINE_S = 30.0
_MESSAGE_BYTES_MAX = 4 * 1024 * 1024
_POLL_S = 0.05
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "about:blank",
)  # fmt: skip


class Page:
    """One page of the browser, spoken to by DevTools commands."""

    def __init__(self, link: ClientConnection, session: str) -> None:
        self._link = link
        self._session = session
        self._last_id = 0

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a DevTools command to the page and returns its result."""
        self._last_id += 1
        return await _ask(self._link, method, self._last_id, params, self._session)

    async def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression, awaited if it is a promise."""
        answer = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def visit(self, url: str) -> None:
        """Opens a URL and waits until it is the page's, so that its origin is in force."""
        # The page only lends its origin: what its policy lets its own scripts do is not tested here.
        await self.ask("Page.enable")
        await self.ask("Page.setBypassCSP", enabled=True)
        answer = await self.ask("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        await _until(_ANSWER_DEADLINE_S, lambda: self._has_arrived(url))

    async def _has_arrived(self, url: str) -> bool:
        return bool(await self.evaluate("`${document.readyState} ${location.href}`") == f"complete {url}")


@contextlib.asynccontextmanager
async def page_at(url: str, folder: Path) -> AsyncIterator[Page]:
    """Starts a Chromium with an empty profile in `folder`, opens the URL, and ends both afterwards."""
    profile = folder / "profile"
    command = [find_chromium(), f"--user-data-dir={profile}", *_ARGUMENTS]
    process = await asyncio.to_thread(_start, command, folder / "chromium.log")
    try:
        port_file = profile / "DevToolsActivePort"
        await _until(_START_DEADLINE_S, lambda: asyncio.to_thread(_is_ready, process, port_file))
        endpoint = await asyncio.to_thread(_endpoint, port_file)
        async with connect(endpoint, max_size=_MESSAGE_BYTES_MAX, proxy=None, compression=None) as link:
            page = Page(link, await _attach(link))
            await page.visit(url)
            yield page
    finally:
        process.terminate()
        await asyncio.to_thread(_wait, process)


def find_chromium(*, has_windows: bool = False) -> str:
    """Returns the path of Chromium; `has_windows` of one that shows notifications, which the one without does not."""
    found = [path for name in (_WITH_WINDOWS if has_windows else _NAMES) if (path := shutil.which(name))]
    if not found:
        missing("Chromium is not installed")
    # Debian's is a script that waits for the program: to end the script leaves the program behind.
    program = Path(found[0]).parents[1] / "lib/chromium" / _SHELL
    return str(program) if Path(found[0]).name == _SHELL and program.is_file() else found[0]


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)


def _is_ready(process: subprocess.Popen[bytes], port_file: Path) -> bool:
    """Whether Chromium has written into its profile where DevTools listens."""
    log = port_file.parent.with_name("chromium.log")
    assert process.poll() is None, f"Chromium ended: {log.read_text(errors='replace')[-1000:]}"
    return port_file.exists() and len(port_file.read_text().split()) == 2


def _endpoint(port_file: Path) -> str:
    port, path = port_file.read_text().split()
    return f"ws://127.0.0.1:{port}{path}"


async def _until(deadline_s: float, is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(deadline_s):
        while True:
            if await is_so():
                return
            await asyncio.sleep(_POLL_S)


async def _attach(link: ClientConnection) -> str:
    targets = await _ask(link, "Target.getTargets", 1, {}, None)
    page = next(target for target in targets["targetInfos"] if target["type"] == "page")
    params = {"targetId": page["targetId"], "flatten": True}
    attached = await _ask(link, "Target.attachToTarget", 2, params, None)
    return str(attached["sessionId"])


async def _ask(
    link: ClientConnection, method: str, number: int, params: dict[str, Any], session: str | None
) -> dict[str, Any]:
    message = {"id": number, "method": method, "params": params}
    await link.send(json.dumps(message if session is None else {**message, "sessionId": session}))
    async with asyncio.timeout(_ANSWER_DEADLINE_S):
        while True:
            answer = json.loads(await link.recv())
            if answer.get("id") == number and answer.get("sessionId") == session:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
