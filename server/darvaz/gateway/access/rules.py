"""The rules that boards and people share: whose page asks, by which name, from where, with which token."""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from darvaz.gateway.access.caller import Caller
from darvaz.gateway.access.decisions import NOT_AUTHORISED, UNAVAILABLE, AccessPolicy, Refused, too_many_failures
from darvaz.gateway.access.origins import is_host_allowed, is_origin_allowed, is_trusted_localhost
from darvaz.gateway.access.rate_limiter import RateLimiter
from darvaz.gateway.access.tokens import Token, Tokens

log = logging.getLogger("darvaz.access")

FAILURES_ALLOWED = 10
FAILURES_WINDOW_S = 300.0

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Self = TypeVar("_Self")


def closed_on_failure(
    method: Callable[Concatenate[_Self, _P], _T],
) -> Callable[Concatenate[_Self, _P], _T | Refused]:
    """Keeps the gate shut while the database cannot be used, and says so in the log."""

    @functools.wraps(method)
    def guarded(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _T | Refused:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            log.error("= the gate stays shut, the database fails: %s", error)
            return UNAVAILABLE

    return guarded


class AccessRules:
    """Answers one question a method; `policy` may be replaced while the gateway runs."""

    def __init__(self, policy: AccessPolicy, tokens: Tokens, clock: Callable[[], float]) -> None:
        self.policy = policy
        self._tokens = tokens
        # The answer comes one event late: the eleventh failure is still looked at, the next is not.
        self._failures = RateLimiter(FAILURES_ALLOWED + 1, FAILURES_WINDOW_S, clock)

    def is_own_page(self, caller: Caller) -> bool:
        """Whether no page asks, or one of the gateway's own origin or a listed one."""
        return is_origin_allowed(caller.origin, caller.host, self.policy.allowed_origins)

    def is_known_name(self, caller: Caller) -> bool:
        """Whether a browser calls the gateway by a name of its own; programs may use any."""
        return not caller.has_browser_headers or is_host_allowed(caller.host, self.policy.allowed_hosts)

    def is_trusted(self, caller: Caller) -> bool:
        """Whether the localhost rule lets this caller in."""
        return is_trusted_localhost(caller, self.policy.is_localhost_trusted)

    def check_token(self, caller: Caller, text: str, *kinds: str) -> Token | Refused:
        """Looks at a token, unless this address has shown too many wrong ones."""
        blocked = self.blocked(caller)
        if blocked is not None:
            return blocked
        for kind in kinds:
            token = self._tokens.check(text, kind, caller.address)
            if token is not None:
                self.succeed(caller)
                return token
        self.fail(caller)
        return NOT_AUTHORISED

    def blocked(self, caller: Caller) -> Refused | None:
        """Returns the refusal of an address that showed too many wrong tokens."""
        wait_s = self._failures.wait_s(caller.address)
        return None if wait_s is None else too_many_failures(wait_s)

    def fail(self, caller: Caller) -> None:
        """Counts a wrong token."""
        self._failures.count(caller.address)

    def succeed(self, caller: Caller) -> None:
        """Forgets the wrong tokens of an address that showed a good one."""
        self._failures.clear(caller.address)


def bearer_of(caller: Caller) -> str:
    """Returns the token of a well-formed header, else a text that no token is, to be checked all the same."""
    if caller.has_query_token:
        return ""
    scheme, _, text = (caller.authorization or "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
