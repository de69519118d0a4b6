"""One test at a time announces the gateway's name by mDNS: others of this machine would answer for it, too."""

from __future__ import annotations

import asyncio
import fcntl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from darvaz.gateway.announcement import GatewayAnnouncement
from darvaz.gateway.settings import Settings

_DEADLINE_S = 60.0
_LOCK = Path(tempfile.gettempdir()) / "darvaz-tests-mdns.lock"


@contextmanager
def alone_in_mdns() -> Iterator[None]:
    """Waits until no other test announces `darvaz.local`, and keeps others waiting for as long as the block runs.

    Linux hands a multicast to every socket of the port, also to one that joined the group in another network
    (ip(7), IP_MULTICAST_ALL).
    """
    with _LOCK.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def until_found_as(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Waits until a gateway says that the network finds it by that name; `caplog` takes the log of `darvaz.mdns`."""
    async with asyncio.timeout(_DEADLINE_S):
        while f"finds the gateway as {name}" not in caplog.text:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def announced(host: str, port: int, caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Announces a gateway in the network of one address, as `darvaz.local`, while the block runs.

    By itself it would tell all networks of this machine.
    """
    caplog.set_level("INFO", "darvaz.mdns")
    announcement = GatewayAnnouncement(Settings(host=host, port=port))
    announcement.open()
    try:
        await until_found_as("darvaz.local", caplog)
        yield
    finally:
        await announcement.close()
