"""The errors of the client: one class for each way in which a request can fail."""

from __future__ import annotations

from typing import Any


class GatewayError(Exception):
    """A request failed; `code` is a short stable word for it, `status` the HTTP status (0 without an answer)."""

    def __init__(self, message: str, code: str = "failed", status: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


class Unreachable(GatewayError):
    """No gateway answers there, or none behind a proxy that does."""

    # Whether something answered that does not speak HTTP.
    is_taken = False


class NotAllowed(GatewayError):
    """The token is missing, wrong or revoked, or does not allow this."""


class NotFound(GatewayError):
    """The gateway does not know this device, or the device does not have this."""


class Invalid(GatewayError, ValueError):
    """The command, an argument or a value is not one that the device accepts."""


class Busy(GatewayError):
    """Too many requests at once; `retry_after_s` says when to try again, if the gateway said it."""


class CommandFailed(GatewayError):
    """The board refused the command or failed; the message is the board's own."""


class Away(GatewayError):
    """The device is offline."""


class CommandTimeout(GatewayError, TimeoutError):
    """The board did not answer in time; it may still do the command."""


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
    """Returns the error for a refusal (RFC 9457), also for one that is not from a gateway."""
    details = problem if isinstance(problem, dict) else {}
    message, code = str(details.get("detail") or f"HTTP status {status}"), str(details.get("code") or "failed")
    kind = _BY_STATUS.get(status, GatewayError)
    if status in _OF_A_PROXY and "code" not in details:
        kind, message, code = (
            Unreachable,
            f"a proxy answers, but no gateway behind it (HTTP status {status})",
            "unreachable",
        )
    if kind is Away and code != "offline":
        kind = Busy
    wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    return kind(message, code, status, wait_s)
