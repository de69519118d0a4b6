"""The gateway as the tests ask it, by its address."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote

import httpx

from darvaz.pytest_plugin.errors import BenchError, BoardError, CommandFailed
from darvaz.text.terminal import visible

# A board may take the whole deadline that the gateway gives a command.
ASK_DEADLINE_S = 60.0
ROWS_MAX = 1000
_KIND_KEYS = {"pico": "pico_tokens", "esp32cam": "esp32cam_tokens"}


class Gateway:
    """A gateway; from elsewhere it wants an operator's token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self._http = httpx.Client(base_url=self.url, headers=headers, timeout=ASK_DEADLINE_S, trust_env=False)
        except httpx.InvalidURL as error:
            raise BenchError(f"--gateway={url}: {error}") from None

    @property
    def ws_url(self) -> str:
        """Where boards connect to it."""
        return self.url.replace("http", "ws", 1)

    def close(self) -> None:
        """Closes what is open to it."""
        self._http.close()

    def devices(self) -> dict[str, dict[str, Any]]:
        """Returns every device that was ever there, by id."""
        return {device["id"]: device for device in _read(self._ask("GET", "/api/devices"))["devices"]}

    def device(self, device: str) -> dict[str, Any] | None:
        """Returns what is known of a device; None when it was never there."""
        answer = self._ask("GET", f"/api/devices/{quote(device, safe='')}")
        if answer.status_code == 404 and _problem(answer).get("code") == "unknown_device":
            return None
        found: dict[str, Any] = _read(answer)
        return found

    def command(self, device: str, name: str, args: dict[str, Any]) -> Any:
        """Returns the result of a command; raises `CommandFailed` with what was said of it."""
        __tracebackhide__ = True
        answer = self._ask("POST", f"/api/devices/{quote(device, safe='')}/commands/{quote(name, safe='')}", json=args)
        if answer.is_success:
            return answer.json().get("result")
        given = ", ".join(f"{key}={value!r}" for key, value in args.items())
        raise CommandFailed(f"{name}({given})", _problem(answer).get("code", "http"), _sentence(answer))

    def snapshot(self, device: str, deadline_s: float = ASK_DEADLINE_S) -> bytes:
        """Returns one fresh JPEG of a camera; raises `BoardError` with what was said instead."""
        __tracebackhide__ = True
        answer = self._ask("GET", f"/api/devices/{quote(device, safe='')}/snapshot.jpg", timeout=deadline_s)
        if answer.is_success:
            return answer.content
        raise BoardError(f"snapshot: {_sentence(answer)}")

    def rows(self, device: str, after_id: int) -> list[dict[str, Any]]:
        """Returns the oldest rows that the journal has of a device after one, as `GET /api/journal` gives them."""
        query: dict[str, Any] = {"device": device, "after": after_id, "limit": ROWS_MAX}
        rows: list[dict[str, Any]] = _read(self._ask("GET", "/api/journal", params=query))["rows"]
        return rows

    def newest_row_id(self) -> int:
        """Returns the id of the journal's newest row, 0 without one."""
        rows = _read(self._ask("GET", "/api/journal", params={"limit": 1}))["rows"]
        return int(rows[-1]["id"]) if rows else 0

    def token(self, kind: str) -> str | None:
        """Returns a fresh token for a board of a kind, or None where the gateway gives none to us."""
        answer = self._ask("GET", "/public/tokens")
        return None if answer.status_code in (403, 429) else str(_read(answer)[_KIND_KEYS[kind]][0])

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        __tracebackhide__ = True
        try:
            return self._http.request(method, path, **more)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise BoardError(
                f"no gateway answers at {self.url}: start one with `darvaz serve`, or say where it is with --gateway"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BoardError(f"the gateway at {self.url} did not answer: {error or type(error).__name__}") from None


def _read(answer: httpx.Response) -> Any:
    __tracebackhide__ = True
    if answer.is_success:
        with contextlib.suppress(ValueError):
            return answer.json()
        raise BoardError(f"{answer.url} answers, but is not a Darvaz gateway")
    raise BoardError(f"{answer.url}: {_sentence(answer)}")


def _sentence(answer: httpx.Response) -> str:
    # May be what a board said of its failure.
    return visible(str(_problem(answer).get("detail", answer.reason_phrase)))


def _problem(answer: httpx.Response) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        body = answer.json()
        if isinstance(body, dict):
            return body
    return {}
