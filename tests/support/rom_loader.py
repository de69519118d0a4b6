"""A simulated ESP32 in its bootloader, at a serial port."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

_DEADLINE_S = 20.0


@contextlib.asynccontextmanager
async def rom_loader(folder: Path, chip: str = "esp32") -> AsyncIterator[str]:
    """Runs the bootloader for the block, which gets the path of its port."""
    known = folder / f"port-of-{chip}"
    words = ["-m", "esp32_mock_bootloader.cli", "run", "--pty", "--chip", chip, "--port-file", str(known)]
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=null, stdout=null, stderr=null)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not known.exists() or not known.read_text().strip():  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.05)
        yield known.read_text().strip()
    finally:
        process.kill()
        await process.wait()
