"""The prompt of a board from afar, through its gateway: code runs beside the board's program."""

from __future__ import annotations

import contextlib
import secrets
from types import TracebackType
from typing import Self, TypedDict

from darvaz.client.errors import GatewayError
from darvaz.client.requests import ApiRequest, path_of
from darvaz.client.synchronous import Gateway

# Longer code is sent in pieces.
PIECE_CHARS = 8_000
# Beyond the gateway's own deadline.
DEADLINE_S = 75.0


class PromptResultInfo(TypedDict):
    """What code printed at the prompt of a board, and the traceback that ended it."""

    output: str
    error: str | None


class RemotePrompt:
    """A session at the prompt of a device, `with RemotePrompt(gateway, "lamp") as prompt:`; raises `GatewayError`."""

    def __init__(self, gateway: Gateway, device: str) -> None:
        self.device = device
        self._gateway = gateway
        # Names this session to the gateway.
        self.session = secrets.token_hex(6)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(GatewayError):
            self.reset()

    def run(self, code: str, *, is_value: bool = False) -> tuple[str, str | None]:
        """Returns what code printed, and the traceback that ended it or None; prints the value of an expression."""
        while len(code) > PIECE_CHARS:
            self._post({"code": code[:PIECE_CHARS], "more": True})
            code = code[PIECE_CHARS:]
        result = self._post({"code": code, "value": is_value})
        return result["output"], result["error"]

    def reset(self) -> None:
        """Forgets what was set at the prompt, and lets others use it."""
        query = {"session": self.session}
        self._gateway.ask(ApiRequest("DELETE", path_of("devices", self.device, "prompt"), shape=None, query=query))

    def _post(self, fields: dict[str, object]) -> PromptResultInfo:
        path, body = path_of("devices", self.device, "prompt"), {"session": self.session, **fields}
        request = ApiRequest("POST", path, shape=PromptResultInfo, body=body, deadline_s=DEADLINE_S)
        result: PromptResultInfo = self._gateway.ask(request)
        return result
