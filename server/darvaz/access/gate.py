"""The gate: one question a method, asked by the edge, answered with a decision and never with an exception."""

from __future__ import annotations

import functools
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from darvaz.access.caller import Caller
from darvaz.access.decisions import (
    ENROLMENT_CLOSED,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    NO_PUBLIC_TOKENS,
    NOT_AUTHORISED,
    ONLY_LOOKS,
    OTHER_DEVICE,
    UNAVAILABLE,
    AccessPolicy,
    Admitted,
    AskToken,
    Refused,
    too_many_failures,
    too_many_tokens,
)
from darvaz.access.enrolment import Enrolment
from darvaz.access.limiter import Limiter
from darvaz.access.locality import is_host_allowed, is_origin_allowed, is_trusted_localhost
from darvaz.access.tokens import DEVICE_KINDS, MINTED_LIFE_S, Token, Tokens

log = logging.getLogger("darvaz.access")

FAILURES_ALLOWED = 10
FAILURES_WINDOW_S = 300.0
MINTS_PER_MINUTE_MAX = 30

_MESSAGE = "Use these tokens in the Authorization header as 'Bearer <token>'"

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _closed_on_failure(
    method: Callable[Concatenate[Access, _P], _T],
) -> Callable[Concatenate[Access, _P], _T | Refused]:
    """Keeps the gate shut while the database cannot be used, and says so in the log."""

    @functools.wraps(method)
    def guarded(self: Access, /, *args: _P.args, **kwargs: _P.kwargs) -> _T | Refused:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            log.error("= the gate stays shut, the database fails: %s", error)
            return UNAVAILABLE

    return guarded


class Access:
    """Who is let in. Made once at each start of the gateway; used by one thread; all answers are quick.

    The first start with no device known opens the enrolment window, if the policy has one.
    """

    def __init__(
        self, connection: sqlite3.Connection, policy: AccessPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self.tokens = Tokens(connection, clock)
        self.enrolment = Enrolment(connection, clock)
        self._connection = connection
        self._policy = policy
        self._clock = clock
        # The answer comes one event late: the eleventh failure is still looked at, the next is not.
        self._failures = Limiter(FAILURES_ALLOWED + 1, FAILURES_WINDOW_S, clock)
        self._mints = Limiter(MINTS_PER_MINUTE_MAX, 60.0, clock)
        self.tokens.prune()
        if policy.public_tokens == "window":
            self.enrolment.open_at_first_start()

    def close(self) -> None:
        """Closes the database; nothing may be asked after that."""
        self._connection.close()

    # Boards

    @_closed_on_failure
    def greet(self, caller: Caller, kind: str) -> Admitted | AskToken | Refused:
        """Answers a board's handshake.

        Pages are looked at first and not counted as failures: any page on the web can make a browser
        knock, and must not be able to lock its owner's address out. A browser's handshake always has
        an Origin (RFC 6455, 4.1), so the Host rule is for those alone.
        """
        if not self._is_own_page(caller):
            return FOREIGN_ORIGIN
        if caller.origin is not None and not is_host_allowed(caller.host, self._policy.allowed_hosts):
            return FOREIGN_HOST
        if caller.authorization is not None or caller.has_query_token:
            return _admitted(self._judge(caller, _bearer(caller), kind))
        if self._is_trusted(caller):
            return Admitted(None)
        return self._blocked(caller) or AskToken()

    @_closed_on_failure
    def show_token(self, caller: Caller, kind: str, text: str) -> Admitted | Refused:
        """Answers the token in a first message."""
        return _admitted(self._judge(caller, text, kind))

    @_closed_on_failure
    def bind(self, admitted: Admitted, device_id: str) -> Refused | None:
        """Ties the token that was shown to the device that introduced itself; a token has one device."""
        if admitted.token_id is None or self.tokens.bind(admitted.token_id, device_id):
            return None
        return OTHER_DEVICE

    def dead_tokens(self) -> frozenset[str]:
        """Returns the tokens that let nobody in any more, as every process sees them.

        A database that cannot be read ends no link.
        """
        try:
            return self.tokens.dead()
        except sqlite3.Error as error:
            log.error("= no token can be looked at, the database fails: %s", error)
            return frozenset()

    # People and programs

    @_closed_on_failure
    def operator(self, caller: Caller, state_changing: bool) -> Admitted | Refused:
        """Answers an operator's request: this machine's own, or an operator's token; a viewer's only looks."""
        if not self._is_own_page(caller) or (state_changing and caller.is_cross_site):
            return FOREIGN_ORIGIN
        if not self._is_known_name(caller):
            return FOREIGN_HOST
        if caller.authorization is None:
            # A token in the address is not looked at, nor counted: a picture in any page can cause it.
            is_let_in = self._is_trusted(caller) and not caller.has_query_token
            return Admitted(None) if is_let_in else self._blocked(caller) or NOT_AUTHORISED
        judged = self._judge(caller, _bearer(caller), "operator", "viewer")
        if state_changing and isinstance(judged, Token) and judged.kind == "viewer":
            return ONLY_LOOKS
        return _admitted(judged)

    @_closed_on_failure
    def public_tokens(self, caller: Caller) -> dict[str, Any] | Refused:
        """Mints one token for each kind of board, in the guide's shape, where the policy allows it."""
        refused = self._refuse_minting(caller)
        if refused is not None:
            return refused
        issued = self.tokens.mint(DEVICE_KINDS, caller.address)
        if issued is None:
            return too_many_tokens(MINTED_LIFE_S)
        given = {f"{kind}_tokens": [token.text] for kind, token in zip(DEVICE_KINDS, issued, strict=True)}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self._clock()))
        return {"status": "success", **given, "timestamp": stamp, "message": _MESSAGE}

    # Rules

    def _judge(self, caller: Caller, text: str, *kinds: str) -> Token | Refused:
        """Looks at a token, unless this address has shown too many wrong ones."""
        blocked = self._blocked(caller)
        if blocked is not None:
            return blocked
        for kind in kinds:
            token = self.tokens.check(text, kind, caller.address)
            if token is not None:
                self._failures.clear(caller.address)
                return token
        self._failures.count(caller.address)
        return NOT_AUTHORISED

    def _refuse_minting(self, caller: Caller) -> Refused | None:
        if not self._is_own_page(caller) or caller.is_cross_site:
            return FOREIGN_ORIGIN
        if not self._is_known_name(caller):
            return FOREIGN_HOST
        wait_s = self._mints.wait_s(caller.address)
        if wait_s is not None:
            return too_many_tokens(wait_s)
        self._mints.count(caller.address)
        if self._policy.public_tokens == "never":
            return NO_PUBLIC_TOKENS
        is_open = self._policy.public_tokens == "always" or self._is_trusted(caller)
        return None if is_open or self.enrolment.seconds_left() > 0 else ENROLMENT_CLOSED

    def _blocked(self, caller: Caller) -> Refused | None:
        wait_s = self._failures.wait_s(caller.address)
        return None if wait_s is None else too_many_failures(wait_s)

    def _is_trusted(self, caller: Caller) -> bool:
        return is_trusted_localhost(caller, self._policy.is_localhost_trusted)

    def _is_own_page(self, caller: Caller) -> bool:
        return is_origin_allowed(caller.origin, caller.host, self._policy.allowed_origins)

    def _is_known_name(self, caller: Caller) -> bool:
        return not caller.has_browser_headers or is_host_allowed(caller.host, self._policy.allowed_hosts)


def _admitted(judged: Token | Refused) -> Admitted | Refused:
    return Admitted(judged.token_id) if isinstance(judged, Token) else judged


def _bearer(caller: Caller) -> str:
    """Returns the token of a well-formed header, else a text that no token is, to be checked all the same."""
    if caller.has_query_token:
        return ""
    scheme, _, text = (caller.authorization or "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
