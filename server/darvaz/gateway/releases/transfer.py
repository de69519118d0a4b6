"""One update on its way to one board, without I/O: answers of the board in, steps out.

Send what `start` returns as an `update` message, and give each answer to `receive`, until that returns None: then
the board restarts into the release. The board says what it needs, so a transfer begins again after a lost link.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from darvaz.gateway.releases.manifest import SignedUpdate

CHUNK_BYTES = 1024
_MANIFEST = -1
# For each step that brings no byte, such as copies on the board of 1.5 MB.
IDLE_STEPS_MAX = 2000


class TransferError(Exception):
    """The board refused the update, or answers what no board should; `counter` is that of the last it took."""

    def __init__(self, message: str, counter: int = 0) -> None:
        super().__init__(message)
        self.counter = counter


class Transfer:
    """One update; `read(sha256)` returns the content of a file."""

    def __init__(self, update: SignedUpdate, read: Callable[[str], bytes]) -> None:
        self._update = update
        self._read = read
        # The content that parts are taken from, by the number of its file.
        self._content: tuple[int, bytes] = (_MANIFEST, update.manifest)
        # Steps in a row without a byte.
        self._idle_steps = 0
        self.sent_bytes = 0
        # Up to which byte the board has it all, with what it copied itself.
        self._has_bytes = 0
        # Where each file begins in the release; the manifest is before the first.
        self._starts = [len(update.manifest)]
        for file in update.files:
            self._starts.append(self._starts[-1] + file.size)

    @property
    def percent(self) -> float:
        """Returns how much of the release the board has; what it copies itself counts, once it is behind that."""
        return 100 * self._has_bytes / self._starts[-1]

    def start(self) -> dict[str, Any]:
        """Returns the fields of the first step."""
        return {"step": "offer", "header": self._update.header, "mac": self._update.mac}

    def receive(self, answer: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the fields of the next step, or None at the end; raises `TransferError`."""
        if answer["status"] == "error":
            raise TransferError(answer.get("message") or "the board refused it", answer.get("counter", 0))
        match answer.get("state"):
            case "trial":
                return None
            case "complete":
                self._has_bytes = self._starts[-1]
                return {"step": "commit"}
            case "working":
                self._count_idle()
                return {"step": "next"}
            case "receiving":
                return self._part(answer.get("file", _MANIFEST), answer.get("at", 0))
        raise TransferError("the board answered with another state than that of an update under way")

    def _part(self, number: int, at: int) -> dict[str, Any]:
        if number != self._content[0]:
            self._content = (number, self._content_of(number))
        data = self._content[1][at : at + CHUNK_BYTES]
        if not data:
            raise TransferError("the board asked for what is behind the end of a file")
        # The same part again and again ends, too.
        self._count_idle()
        self.sent_bytes += len(data)
        self._has_bytes = at if number == _MANIFEST else self._starts[number] + at
        return {"step": "data", "file": number, "at": at, "data": base64.b64encode(data).decode()}

    def _content_of(self, number: int) -> bytes:
        self._idle_steps = 0
        if number == _MANIFEST:
            return self._update.manifest
        if number >= len(self._update.files):
            raise TransferError("the board asked for a file that the release does not have")
        return self._read(self._update.files[number].sha256)

    def _count_idle(self) -> None:
        self._idle_steps += 1
        if self._idle_steps > IDLE_STEPS_MAX:
            raise TransferError("the board does not get on with the update")
