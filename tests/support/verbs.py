"""The `darvaz` command in a process, as people run it: a fork of the fork server, which starts at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.fork_server import ForkedProcess, can_fork, fork_server

DEADLINE_S = 60.0
_PROGRAM = ("-m", "darvaz")


@dataclass(frozen=True)
class Done:
    """How a verb ended, and what it printed on each stream."""

    code: int
    out: str
    err: str


class Verb:
    """A running `darvaz`, with its output so far in `text`; killed at the end if it still runs."""

    def __init__(self, *words: str, env: dict[str, str] | None = None, program: tuple[str, ...] = _PROGRAM) -> None:
        self._words = words
        self._env = env
        self._program = program
        self.out = self.err = b""

    async def __aenter__(self) -> Verb:
        self._process, out, err = _start(self._words, self._env, self._program)
        self._tasks = [asyncio.create_task(self._read(name, end)) for name, end in (("out", out), ("err", err))]
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        await asyncio.gather(*self._tasks)
        await asyncio.to_thread(self._process.wait)

    async def _read(self, name: str, end: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(end, "rb", buffering=0)
        )
        while data := await reader.read(4096):
            setattr(self, name, getattr(self, name) + data)
        transport.close()

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
                await asyncio.gather(*self._tasks)
                code = await asyncio.to_thread(self._process.wait, deadline_s)
        except TimeoutError:
            raise AssertionError(f"darvaz {' '.join(self._words)} did not end; its output:\n{self.text}") from None
        return Done(code, self.out.decode(errors="replace"), self.err.decode(errors="replace"))


async def darvaz(
    *words: str,
    deadline_s: float = DEADLINE_S,
    env: dict[str, str] | None = None,
    program: tuple[str, ...] = _PROGRAM,
) -> Done:
    """Runs a verb to its end, with this environment or ours; `program` are Python's words before the verb."""
    async with Verb(*words, env=env, program=program) as verb:
        return await verb.done(deadline_s)


def _start(
    words: tuple[str, ...], env: dict[str, str] | None, program: tuple[str, ...]
) -> tuple[subprocess.Popen[bytes] | ForkedProcess, int, int]:
    """Starts a verb without input, and returns where its output and its errors are read."""
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    environ = dict(os.environ) if env is None else env
    with os.fdopen(out_end, "wb") as output, os.fdopen(err_end, "wb") as errors:
        if program == _PROGRAM and can_fork(environ):
            return fork_server().start(words, environ, output, errors), out, err
        command = [sys.executable, *program, *words]
        nothing = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=nothing, stdout=output, stderr=errors, env=environ), out, err


def run_darvaz(
    *words: str,
    env: Mapping[str, str] | None = None,
    typed: str = "",
    folder: Path | None = None,
    deadline_s: float = DEADLINE_S,
) -> subprocess.CompletedProcess[str]:
    """Runs a verb to its end, with this input, and returns what it printed; raises `subprocess.TimeoutExpired`."""
    environ = dict(os.environ if env is None else env)
    if not can_fork(environ):
        return subprocess.run(
            [sys.executable, *_PROGRAM, *words],
            input=typed, capture_output=True, text=True, timeout=deadline_s, cwd=folder, env=environ,
        )  # fmt: skip
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        given.write(typed.encode())
        given.seek(0)
        process = fork_server().start(words, environ, output, errors, given, folder)
        try:
            code = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode())
    return subprocess.CompletedProcess(words, code, *texts)
