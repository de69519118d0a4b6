"""The prompt of a board whose program is stopped: code runs in its place, with input, output and Ctrl-C."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypedDict

from darvaz.client.errors import GatewayError
from darvaz.client.prompt import DEADLINE_S, PIECE_CHARS, RemotePrompt
from darvaz.client.requests import ApiRequest, path_of
from darvaz.client.synchronous import Gateway

INTERRUPT = b"\x03"
# As many as the gateway takes at once.
INPUT_BYTES = 6_144
_POLL_S = 0.02
# As a soft reset does, except that main.py is not run there either.
_RESET = """
globals().clear()
import os
try:
    os.chdir('/')
    os.umount('/remote')
except OSError:
    pass
"""


class PromptOutputInfo(TypedDict):
    """What code has printed from the place `at` on, in base64, and how it ended if it does not run."""

    at: int
    data: str
    running: bool
    error: str | None


class StoppedPrompt:
    """Stops the program of a device for the block, `with StoppedPrompt(gateway, "lamp") as prompt:`.

    At the end the board restarts, and the program with it. Raises `GatewayError`.
    """

    def __init__(self, gateway: Gateway, device: str) -> None:
        self.device = device
        self._gateway = gateway
        self._prompt = RemotePrompt(gateway, device)

    def __enter__(self) -> Self:
        self._post("stop", {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(GatewayError):
            self._prompt.reset()

    def run(
        self,
        code: str,
        show: Callable[[bytes], None],
        typed: Callable[[float], bytes] | None = None,
        *,
        is_value: bool = False,
    ) -> str | None:
        """Runs code until it ends, and returns the traceback that ended it, or None.

        `show` gets what it prints, from another thread, and how much of what was typed is dropped; `typed(wait_s)`
        returns what is typed meanwhile. A KeyboardInterrupt is passed on as Ctrl-C.
        """
        self.begin(code, is_value=is_value)
        reader = _Reader(self._read, show)
        reader.start()
        dropped, is_interrupted = 0, False
        while reader.is_alive():
            try:
                if is_interrupted:
                    self.type(INTERRUPT)
                    is_interrupted = False
                data = typed(_POLL_S) if typed is not None else b""
                dropped += self.type(data)
                if dropped and not data:
                    show(_dropped_text(dropped))
                    dropped = 0
                if typed is None:
                    reader.join(_POLL_S)
            except KeyboardInterrupt:
                is_interrupted = True
        if dropped:
            show(_dropped_text(dropped))
        return reader.result()

    def begin(self, code: str, *, is_value: bool = False) -> None:
        """Begins to run code, and returns at once."""
        while len(code) > PIECE_CHARS:
            self._post("code", {"code": code[:PIECE_CHARS], "more": True})
            code = code[PIECE_CHARS:]
        self._post("code", {"code": code, "value": is_value})

    def type(self, data: bytes) -> int:
        """Gives input to the code that runs, and returns how many bytes of it were dropped, as it takes too few.

        3 is Ctrl-C, which overtakes what waits. Code that has ended meanwhile does not get it.
        """
        dropped = 0
        for at in range(0, len(data), INPUT_BYTES):
            piece = data[at : at + INPUT_BYTES]
            try:
                self._post("input", {"data": base64.b64encode(piece).decode()})
            except GatewayError as error:
                if error.code != "input_full":
                    raise
                dropped += len(piece)
        return dropped

    def reset(self) -> None:
        """Forgets what was set, as a soft reset; the program stays stopped."""
        self.run(_RESET, lambda _: None)

    def _post(self, step: str, fields: dict[str, object]) -> None:
        path = path_of("devices", self.device, "prompt", step)
        body = {"session": self._prompt.session, **fields}
        self._gateway.ask(ApiRequest("POST", path, shape=None, body=body, deadline_s=DEADLINE_S))

    def _read(self, at: int) -> PromptOutputInfo:
        query = {"session": self._prompt.session, "at": str(at)}
        path = path_of("devices", self.device, "prompt", "output")
        request = ApiRequest("GET", path, shape=PromptOutputInfo, query=query, deadline_s=DEADLINE_S)
        result: PromptOutputInfo = self._gateway.ask(request)
        return result


def _dropped_text(count: int) -> bytes:
    return f"\r\n… {count} bytes that were typed are dropped: the code does not take them\r\n".encode()


class _Reader(threading.Thread):
    """Reads what code prints until it ends."""

    def __init__(self, read: Callable[[int], PromptOutputInfo], show: Callable[[bytes], None]) -> None:
        super().__init__(name="prompt output", daemon=True)
        self._read = read
        self._show = show
        self._traceback: str | None = None
        self._failure: GatewayError | None = None

    def run(self) -> None:
        at: int | None = None
        try:
            while True:
                output = self._read(at or 0)
                if at is not None and output["at"] > at:
                    self._show(f"\r\n… {output['at'] - at} bytes came faster than they were read\r\n".encode())
                data = base64.b64decode(output["data"])
                at = output["at"] + len(data)
                if data:
                    self._show(data)
                if not output["running"]:
                    self._traceback = output["error"]
                    return
        except GatewayError as error:
            self._failure = error

    def result(self) -> str | None:
        if self._failure is not None:
            raise self._failure
        return self._traceback
