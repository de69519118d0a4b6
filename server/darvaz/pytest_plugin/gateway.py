"""The gateway of a run of tests: the client, with errors that fail a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darvaz.client import requests
from darvaz.client.config import GatewayConfig
from darvaz.client.errors import GatewayError, Unreachable
from darvaz.client.requests import ApiRequest, CameraFrame
from darvaz.client.synchronous import Gateway
from darvaz.client.types import DeviceInfo, JournalEntry
from darvaz.pytest_plugin.errors import BenchError, BoardCommandFailed, BoardError
from darvaz.text.terminal import visible

ENTRIES_MAX = 1000
SNAPSHOT_DEADLINE_S = 60.0
# Enrolment is closed, or used too often: from this machine, boards need no token.
_NO_TOKEN_STATUS = (403, 429)


class BenchGateway:
    """A gateway; one on another machine wants an operator's token. Each method raises `BoardError`."""

    def __init__(self, config: GatewayConfig) -> None:
        try:
            self._client = Gateway(config=config)
        except GatewayError as error:
            raise BenchError(str(error)) from None

    @property
    def url(self) -> str:
        """Its address."""
        return self._client.url

    @property
    def ws_url(self) -> str:
        """Where boards connect to it."""
        return self.url.replace("http", "ws", 1)

    def close(self) -> None:
        """Closes the connections to it."""
        self._client.close()

    def devices(self) -> dict[str, DeviceInfo]:
        """Returns every device that ever connected, by id."""
        return {info["id"]: info for info in self._ask(requests.devices())}

    def device(self, device: str) -> DeviceInfo | None:
        """Returns what is known about a device; None if it never connected."""
        __tracebackhide__ = True
        try:
            info: DeviceInfo = self._client.ask(requests.device(device))
        except GatewayError as error:
            if error.code != "unknown_device":
                raise self._board_error(error) from None
            return None
        return info

    def command(self, device: str, name: str, args: Mapping[str, Any]) -> Any:
        """Returns the result of a command; raises `CommandFailed` with the reason."""
        __tracebackhide__ = True
        try:
            return self._client.ask(requests.command(device, name, args))
        except Unreachable as error:
            raise self._board_error(error) from None
        except GatewayError as error:
            given = ", ".join(f"{key}={value!r}" for key, value in args.items())
            raise BoardCommandFailed(f"{name}({given})", error.code, visible(str(error))) from None

    def snapshot(self, device: str, deadline_s: float = SNAPSHOT_DEADLINE_S) -> bytes:
        """Returns a new JPEG of a camera."""
        __tracebackhide__ = True
        frame: CameraFrame = self._ask(requests.snapshot(device, deadline_s), "snapshot: ")
        return frame.data

    def entries(self, device: str, after_id: int) -> list[JournalEntry]:
        """Returns the oldest entries of a device in the journal after one, as `GET /api/journal` gives them."""
        __tracebackhide__ = True
        entries: list[JournalEntry] = self._ask(requests.journal(ENTRIES_MAX, device=device, after=after_id))
        return entries

    def newest_entry_id(self) -> int:
        """Returns the id of the newest entry of the journal, 0 if it is empty."""
        entries: list[JournalEntry] = self._ask(requests.journal(1))
        return entries[-1]["id"] if entries else 0

    def token(self, kind: str) -> str | None:
        """Returns a new token for a board of a kind, or None where the gateway gives us none."""
        try:
            token: str = self._client.ask(requests.public_token(kind))
        except GatewayError as error:
            if error.status not in _NO_TOKEN_STATUS:
                raise self._board_error(error) from None
            return None
        return token

    def _ask(self, request: ApiRequest, prefix: str = "") -> Any:
        __tracebackhide__ = True
        try:
            return self._client.ask(request)
        except GatewayError as error:
            raise self._board_error(error, prefix) from None

    def _board_error(self, error: GatewayError, prefix: str = "") -> BoardError:
        # The text may be a board's words.
        text = visible(str(error))
        if isinstance(error, Unreachable):
            return BoardError(text.replace("set its address in", "set its address with --gateway or in"))
        return BoardError(f"{prefix}{text} ({self.url})")
