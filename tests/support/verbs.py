"""The `darvaz` command in a process, as people run it."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass

DEADLINE_S = 60.0


@dataclass(frozen=True)
class Done:
    """How a verb ended, and what it printed on each stream."""

    code: int
    out: str
    err: str


class Verb:
    """A running `darvaz`, with its output so far in `text`; killed at the end if it still runs."""

    def __init__(
        self, *words: str, env: dict[str, str] | None = None, program: tuple[str, ...] = ("-m", "darvaz")
    ) -> None:
        self._words = words
        self._env = env
        self._program = program
        self.out = self.err = b""

    async def __aenter__(self) -> Verb:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._program,
            *self._words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=self._env,
        )
        self._tasks = [asyncio.create_task(self._read(name)) for name in ("out", "err")]
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.gather(*self._tasks)
        await self._process.wait()

    async def _read(self, name: str) -> None:
        stream = self._process.stdout if name == "out" else self._process.stderr
        assert stream is not None
        while data := await stream.read(4096):
            setattr(self, name, getattr(self, name) + data)

    @property
    def text(self) -> str:
        """All of its output so far."""
        return (self.out + self.err).decode(errors="replace")

    async def expect(self, words: str, deadline_s: float = DEADLINE_S) -> None:
        """Waits until its output has these words."""
        try:
            async with asyncio.timeout(deadline_s):
                while words not in self.text:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{words!r} is not in the output:\n{self.text}") from None

    def interrupt(self) -> None:
        """Presses Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    async def done(self, deadline_s: float = DEADLINE_S) -> Done:
        """Waits for the end."""
        try:
            async with asyncio.timeout(deadline_s):
                code = await self._process.wait()
                await asyncio.gather(*self._tasks)
        except TimeoutError:
            raise AssertionError(f"darvaz {' '.join(self._words)} did not end; its output:\n{self.text}") from None
        return Done(code, self.out.decode(errors="replace"), self.err.decode(errors="replace"))


async def darvaz(
    *words: str,
    deadline_s: float = DEADLINE_S,
    env: dict[str, str] | None = None,
    program: tuple[str, ...] = ("-m", "darvaz"),
) -> Done:
    """Runs a verb to its end, with this environment or ours; `program` are Python's words before the verb."""
    async with Verb(*words, env=env, program=program) as verb:
        return await verb.done(deadline_s)
