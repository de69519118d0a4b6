"""What can go wrong between a program and a gateway, each as an error of its own."""

from __future__ import annotations

from typing import Any


class GatewayError(Exception):
    """What the gateway refused; `code` is its short stable word, `status` the HTTP status (0 without an answer)."""

    def __init__(self, message: str, code: str = "failed", status: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


class Unreachable(GatewayError):
    """No gateway answers there, or none behind a proxy that does."""


class NotAllowed(GatewayError):
    """The token is missing, wrong or revoked, or it may not do this."""


class NotFound(GatewayError):
    """There is no such device, or no such thing of it."""


class Invalid(GatewayError, ValueError):
    """There is no such command or argument, or a value is nothing that can be sent."""


class Busy(GatewayError):
    """Too much is asked at once; `retry_after_s` says when to come again, where the gateway does."""


class CommandFailed(GatewayError):
    """The board refused or failed; the message is the board's own."""


class Away(GatewayError):
    """The device is not here now."""


class CommandTimeout(GatewayError, TimeoutError):
    """The board did not answer in time; it may still obey."""


_BY_STATUS: dict[int, type[GatewayError]] = {
    400: Invalid,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    413: Invalid,
    422: Invalid,
    429: Busy,
    502: CommandFailed,
    503: Away,
    504: CommandTimeout,
}

_OF_A_PROXY = (502, 503, 504)


def error_of(status: int, problem: Any, retry_after: str | None = None) -> GatewayError:
    """Returns the error for a refusal (RFC 9457), also for one that no gateway of ours has written."""
    said = problem if isinstance(problem, dict) else {}
    message, code = str(said.get("detail") or f"HTTP status {status}"), str(said.get("code") or "failed")
    kind = _BY_STATUS.get(status, GatewayError)
    if status in _OF_A_PROXY and "code" not in said:
        kind, message, code = (
            Unreachable,
            f"a proxy answers, but no gateway behind it (HTTP status {status})",
            "unreachable",
        )
    if kind is Away and code != "offline":
        kind = Busy
    wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    return kind(message, code, status, wait_s)
