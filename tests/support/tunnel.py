"""`darvaz tunnel DEVICE --stop` in a process of its own, for tests: the port of a board whose program is stopped."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.gateway import GatewayProcess


@asynccontextmanager
async def tunnel(gateway: GatewayProcess, device: str, link: Path, deadline_s: float = 60.0) -> AsyncIterator[str]:
    """Stops the program and lends the port, under its own name: mpremote reads only that without waiting."""
    words = ("-m", "darvaz", "tunnel", device, "--stop", "--gateway", gateway.url, "--link", str(link))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), deadline_s)
        yield os.readlink(link)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), deadline_s)
