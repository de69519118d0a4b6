"""A board on a real pseudo-terminal that has a raw prompt and answers what it likes: nonsense, half of it, no end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Any

_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D = 1, 2, 3, 4
_PASTE = b"\x05A"
_PIECE_BYTES = 1024
FACTS: dict[str, Any] = {
    "implementation": "micropython",
    "version": [1, 27, 0],
    "platform": "rp2",
    "machine": "Raspberry Pi Pico W with RP2040",
    "mpy": 0,
    "virtual_kind": None,
    "modules": ["network", "hashlib", "asyncio"],
    "filesystem": "VfsLfs2",
    "unique_id": "e6614c311b",
    "free_bytes": 800_000,
    "size_bytes": 868_352,
}

Answer = Callable[[str], "bytes | None"]
"""Returns the output of code; None for what is asked of every board, such as a word at the prompt."""


def step_of(code: str) -> str:
    """Returns what a piece of the verbs' code asks the board for."""
    steps = {
        "_ask()": "facts",
        "_walk(": "list",
        "_remove(": "remove",
        "_digest(": "hashes",
        "_commit(": "commit",
        "_set_aside(": "set_aside",
        "_put_back(": "put_back",
        "b2a_base64": "read",
        "statvfs": "free",
        "machine.reset": "reset",
    }
    return next((name for text, name in steps.items() if text in code), "other")


def sane(code: str) -> bytes:
    """Returns what an empty Pico W answers."""
    answers = {"facts": json.dumps(FACTS), "free": "800000", "set_aside": "null", "put_back": "null"}
    return answers.get(step_of(code), "").encode() + b"\r\n"


def answers(**odd: bytes) -> Answer:
    """Returns the answers of a board that is odd where it is asked for these, and sane elsewhere."""
    return lambda code: odd.get(step_of(code))


class OddBoard:
    """One board at `port`, until the end of the `with` block.

    `talk` is written over and over instead of a prompt. After the answer to `vanishes_at` the port is gone; `endless`
    is what it never stops to answer; with `windows` it knows the raw paste mode, and opens windows of no size.
    """

    def __init__(
        self,
        answer: Answer = sane,
        *,
        talk: bytes = b"",
        vanishes_at: str = "",
        endless: str = "",
        windows: bool = False,
    ) -> None:
        self._answer, self._talk = answer, talk
        self._vanishes_at, self._endless, self._windows = vanishes_at, endless, windows
        self._near, far = os.openpty()
        tty.setraw(far)
        self.port = os.ttyname(far)
        # Open here too, so that the port is there before a verb opens it, and after.
        self._far = far
        self._input = b""
        self._is_raw = False
        self._stop_reading, self._stop_writing = os.pipe()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> OddBoard:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.write(self._stop_writing, b"x")
        self._thread.join(10)
        for file in (self._near, self._far, self._stop_reading, self._stop_writing):
            with contextlib.suppress(OSError):
                os.close(file)

    def _live(self) -> None:
        with contextlib.suppress(_Ended):
            while True:
                writes = [self._near] if self._talk else []
                readable, writable, _ = select.select([self._near, self._stop_reading], writes, [])
                if self._stop_reading in readable:
                    return
                if readable:
                    self._take(os.read(self._near, 4096))
                if writable:
                    os.write(self._near, self._talk)

    def _take(self, data: bytes) -> None:
        if self._talk:
            return
        for byte in data:
            if byte == _CTRL_A:
                is_paste = self._input == _PASTE and self._is_raw
                self._is_raw, self._input = True, b""
                self._write(_BANNER if not is_paste else b"R\x01\x00\x00" if self._windows else b"R\x00")
                while is_paste and self._windows:
                    self._write(b"\x01" * _PIECE_BYTES)
            elif byte == _CTRL_B:
                self._write(b"\r\n>>> ")
                self._is_raw, self._input = False, b""
            elif byte == _CTRL_D and self._is_raw:
                code, self._input = self._input.decode(errors="replace"), b""
                self._run(code)
            else:
                self._input = b"" if byte == _CTRL_C else self._input + bytes([byte])

    def _run(self, code: str) -> None:
        if not code.strip():
            self._write(b"OK\r\nMPY: soft reboot\r\n" + _BANNER)
            return
        is_word = code.startswith("print('")
        step = "word" if is_word else step_of(code)
        output = code[7:-2].encode() + b"\r\n" if is_word else self._answer(code)
        self._write(b"OK" + (sane(code) if output is None else output))
        while step == self._endless:
            self._write(b"x" * _PIECE_BYTES)
        if step == self._vanishes_at:
            os.close(self._far)
            os.close(self._near)
            raise _Ended
        self._write(b"\x04\x04>")

    def _write(self, data: bytes) -> None:
        """Writes all, also to a reader that is slow; ends with the test."""
        while data:
            readable, _, _ = select.select([self._stop_reading], [self._near], [])
            if self._stop_reading in readable:
                raise _Ended
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._near, data[:_PIECE_BYTES]) :]


class _Ended(Exception):
    """The test ended, or the board is gone."""
