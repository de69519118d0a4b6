"""One Chromium for all tests, one gateway for each module, and a fresh page for each test.

A test that shares a gateway gives its devices names of its own, and expects other devices in the list.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.chromium import find_chromium
from tests.support.gateway import GatewayProcess

DEADLINE_MS = 20_000
# No names: a browser that asks a name server while it connects has a way to others, and has to sign in.
_NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", _NO_NAMES]
_FOLDER = Path(__file__).parent
_numbers = itertools.count(1)
expect.set_options(timeout=DEADLINE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs the tests of this folder in one event loop: the browser belongs to the loop that started it."""
    for item in items:
        if item.path.is_relative_to(_FOLDER) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def fresh_gateway() -> Iterator[GatewayProcess]:
    """A gateway for one test: one that stops it, or that needs a gateway without devices."""
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def device() -> str:
    """The name of a device that no other test has; none is part of another."""
    return f"device-{next(_numbers):03}"


@pytest.fixture
def open_window(gateway: GatewayProcess) -> None:
    """Opens the enrolment window, whatever earlier tests did with it."""
    assert gateway.post("/api/enrolment", json={"minutes": 15}).is_success


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in English, in a browser context of its own; a script that fails fails the test."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(DEADLINE_MS)
    opened = await context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    await context.close()
    assert errors == []
