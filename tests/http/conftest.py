"""What the tests of the HTTP interface share: one gateway in this process for each module, on one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.app import RunningApp


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        yield running
