"""Real mpremote on a port, as people run it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

DEADLINE_S = 30.0


@dataclass(frozen=True)
class Done:
    """How a run of mpremote ended."""

    code: int
    output: str


async def mpremote(port: str, *words: str, deadline_s: float = DEADLINE_S) -> Done:
    """Runs mpremote on a port and returns its output; kills it at the deadline."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mpremote",
        "connect",
        port,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(deadline_s):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
        raise AssertionError(
            f"mpremote {' '.join(words)} did not end; it printed:\n{output.decode()[-2000:]}"
        ) from None
    assert process.returncode is not None
    return Done(process.returncode, output.decode(errors="replace"))
