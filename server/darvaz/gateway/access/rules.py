"""The rules that boards and people share: origin, host name, address and token of a caller."""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from darvaz.gateway.access.caller import Caller
from darvaz.gateway.access.decisions import NOT_AUTHORISED, UNAVAILABLE, AccessPolicy, Refused, too_many_failures
from darvaz.gateway.access.networks import KnownNetworks
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
    """Makes a method refuse everyone while the database cannot be used, with a line in the log."""

    @functools.wraps(method)
    def guarded(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _T | Refused:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            log.error("= everyone is refused, the database fails: %s", error)
            return UNAVAILABLE

    return guarded


class AccessRules:
    """Checks one rule per method; `policy` may be replaced while the gateway runs."""

    def __init__(self, policy: AccessPolicy, tokens: Tokens, monotonic_s: Callable[[], float]) -> None:
        self.policy = policy
        self._tokens = tokens
        # Wrong tokens by network. The token of the eleventh failure is still checked, the next one is not.
        self.failures = RateLimiter(FAILURES_ALLOWED + 1, FAILURES_WINDOW_S, monotonic_s)
        self.known = KnownNetworks(token.last_address for token in tokens.list())

    def is_own_page(self, caller: Caller) -> bool:
        """Whether the caller is not a page, or a page of the gateway's own origin or a listed one."""
        return is_origin_allowed(
            caller.origin, caller.host, self.policy.allowed_origins, is_behind_proxy=self.policy.behind_proxy
        )

    def is_known_name(self, caller: Caller) -> bool:
        """Whether a browser uses a known host name of the gateway; programs may use any.

        So may people of Home Assistant: the name is Home Assistant's, which no page of another name gets past.
        """
        if caller.is_of_home_assistant:
            return True
        return not caller.has_browser_headers or is_host_allowed(caller.host, self.policy.allowed_hosts)

    def is_trusted(self, caller: Caller) -> bool:
        """Whether the localhost rule admits this caller."""
        return is_trusted_localhost(caller, self.policy.is_localhost_trusted)

    def check_token(self, caller: Caller, text: str, *kinds: str) -> Token | Refused:
        """Returns the token of one of these kinds that a text is.

        A valid token is accepted from a blocked address too: a board with an old token must not lock out those that
        share its address, and a secret of 256 bits is not found by guessing.
        """
        for kind in kinds:
            token = self._tokens.check(text, kind, caller.address)
            if token is not None:
                self.succeed(caller)
                return token
        return self.refuse_token(caller)

    def refuse_token(self, caller: Caller) -> Refused:
        """Returns the refusal of a token that is not valid, and counts it."""
        blocked = self.blocked(caller)
        if blocked is not None:
            return blocked
        self.fail(caller)
        return NOT_AUTHORISED

    def blocked(self, caller: Caller) -> Refused | None:
        """Returns the refusal of an address with too many wrong tokens, or None."""
        wait_s = self.failures.wait_s(caller.address)
        return None if wait_s is None else too_many_failures(wait_s)

    def fail(self, caller: Caller) -> None:
        """Counts a wrong token."""
        self.failures.count(caller.address)

    def succeed(self, caller: Caller) -> None:
        """Forgets the wrong tokens of an address that showed a valid one."""
        self.failures.clear(caller.address)
        self.known.note(caller.address)
