"""One test at a time announces the gateway's name by mDNS: others of this machine would answer for it, too."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from darvaz.gateway.announcement import GatewayAnnouncement
from darvaz.gateway.settings import Settings

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


@asynccontextmanager
async def announced(host: str, port: int) -> AsyncIterator[None]:
    """Announces a gateway in the network of one address while the block runs: by itself it would tell all of them."""
    announcement = GatewayAnnouncement(Settings(host=host, port=port))
    announcement.open()
    try:
        yield
    finally:
        await announcement.close()
