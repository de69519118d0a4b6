"""What is answered where a request fails: without a route, without its database, or beyond a limit."""

from __future__ import annotations

import logging
import sqlite3

from starlette.exceptions import HTTPException
from starlette.responses import Response

from darvaz.gateway.access.decisions import UNAVAILABLE
from darvaz.gateway.http.problems import problem, unanswered
from darvaz.gateway.storage.reading import StoreBusyError, StoreError

log = logging.getLogger("darvaz")

_BUSY_RETRY_S = 5.0
FAILURES = (HTTPException, StoreBusyError, StoreError, sqlite3.Error)


def answer_failure(method: str, path: str, error: Exception) -> Response:
    """Returns the problem of one of `FAILURES`."""
    if isinstance(error, HTTPException):
        return unanswered(error.status_code, method, path, error.headers)
    if isinstance(error, StoreBusyError):
        return problem(503, "busy", str(error), _BUSY_RETRY_S)
    log.error("= %s failed: the database cannot be used: %s", method, error)
    return problem(503, UNAVAILABLE.code, UNAVAILABLE.message, UNAVAILABLE.retry_after_s)
