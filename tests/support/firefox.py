"""A headless Firefox, driven over WebDriver BiDi (https://w3c.github.io/webdriver-bidi), which it speaks by itself."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.support.needs import missing

_NAMES = ("firefox-esr", "firefox")
_START_DEADLINE_S = 60.0
_ANSWER_DEADLINE_S = 60.0
_END_DEADLINE_S = 20.0
_MESSAGE_BYTES_MAX = 16 * 1024 * 1024
_POLL_S = 0.05
_LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
# What would ask other hosts.
_PREFERENCES = """\
user_pref("app.normandy.enabled", false);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.proxy.type", 0);
user_pref("toolkit.telemetry.enabled", false);
"""


class Firefox:
    """One running Firefox: its tabs, and the errors of all their scripts. Used by one task at a time."""

    def __init__(self, link: ClientConnection) -> None:
        self._link = link
        self._ids = itertools.count(1)
        self.errors: list[str] = []
        """What scripts did not catch, and what they wrote as errors, since the start."""

    async def ask(self, method: str, **params: Any) -> Any:
        """Sends a command and returns its result; AssertionError where Firefox refuses it."""
        number = next(self._ids)
        await self._link.send(msgspec.json.encode({"id": number, "method": method, "params": params}).decode())
        async with asyncio.timeout(_ANSWER_DEADLINE_S):
            while True:
                message = msgspec.json.decode(await self._link.recv())
                if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                    self.errors.append(message["params"]["text"])
                if message.get("id") == number:
                    assert message["type"] == "success", f"{method}: {message}"
                    return message["result"]

    async def first_tab(self) -> Tab:
        """Returns the tab that Firefox begins with."""
        found = await self.ask("browsingContext.getTree")
        return Tab(self, found["contexts"][0]["context"])

    async def open_tab(self) -> Tab:
        """Opens one more tab of the same person."""
        return Tab(self, (await self.ask("browsingContext.create", type="tab"))["context"])


class Tab:
    """One tab."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def visit(self, url: str) -> None:
        """Opens a URL and waits until it is loaded."""
        await self._firefox.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def activate(self) -> None:
        """Makes this the tab that is seen."""
        await self._firefox.ask("browsingContext.activate", context=self._context)

    async def close(self) -> None:
        """Closes the tab."""
        await self._firefox.ask("browsingContext.close", context=self._context)

    async def resize(self, width: int, height: int) -> None:
        """Gives the page this size in CSS pixels."""
        size = {"width": width, "height": height}
        await self._firefox.ask("browsingContext.setViewport", context=self._context, viewport=size)

    async def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression of a simple type, awaited if it is a promise."""
        target = {"context": self._context}
        answer = await self._firefox.ask(
            "script.evaluate", expression=expression, target=target, awaitPromise=True, userActivation=True
        )
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    async def until(self, expression: str, deadline_s: float = 20.0) -> None:
        """Waits until an expression is true."""
        async with asyncio.timeout(deadline_s):
            while True:
                if await self.evaluate(f"Boolean({expression})"):
                    return
                await asyncio.sleep(_POLL_S)

    async def click(self, selector: str) -> None:
        """Clicks with the pointer on an element, as a person does, once it is there."""
        found = f"document.querySelector({msgspec.json.encode(selector).decode()})"
        await self.until(found)
        await self.evaluate(f"{found}.scrollIntoView({{ block: 'center' }})")
        middle = "(({ x, y, width, height }) => `${x + width / 2} ${y + height / 2}`)"
        x, y = str(await self.evaluate(f"{middle}({found}.getBoundingClientRect())")).split()
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        move = {"type": "pointerMove", "x": int(float(x)), "y": int(float(y))}
        actions = [{"type": "pointer", "id": "mouse", "actions": [move, *press]}]
        await self._firefox.ask("input.performActions", context=self._context, actions=actions)


@contextlib.asynccontextmanager
async def firefox_in(folder: Path) -> AsyncIterator[Firefox]:
    """Starts a Firefox with an empty profile in a folder, and ends it afterwards."""
    profile = folder / "firefox"
    await asyncio.to_thread(_make_profile, profile)
    process = await asyncio.create_subprocess_exec(
        find_firefox(), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    reading: asyncio.Task[None] | None = None
    try:
        assert process.stderr is not None
        url = await _wait_for_address(process.stderr)
        reading = asyncio.create_task(_read_on(process.stderr))
        async with connect(f"{url}/session", max_size=_MESSAGE_BYTES_MAX, proxy=None, compression=None) as link:
            firefox = Firefox(link)
            await firefox.ask("session.new", capabilities={})
            await firefox.ask("session.subscribe", events=["log.entryAdded"])
            yield firefox
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_END_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
        if reading is not None:
            await reading


def find_firefox() -> str:
    found = [path for name in _NAMES if (path := shutil.which(name))]
    if not found:
        missing("Firefox is not installed")
    return found[0]


def _make_profile(profile: Path) -> None:
    profile.mkdir()
    (profile / "user.js").write_text(_PREFERENCES, encoding="utf-8")


async def _wait_for_address(lines: asyncio.StreamReader) -> str:
    """Returns the address of its WebSocket, which Firefox prints once it listens."""
    async with asyncio.timeout(_START_DEADLINE_S):
        while line := await lines.readline():
            if found := _LISTENS.search(line):
                return found[1].decode()
    raise AssertionError("Firefox ended as it started")


async def _read_on(lines: asyncio.StreamReader) -> None:
    while await lines.readline():
        pass
