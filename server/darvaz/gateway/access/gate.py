"""Access: the decisions about boards and callers, one per method, and never an exception."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from darvaz.gateway.access.caller import Caller
from darvaz.gateway.access.challenge import Challenge, make_challenge
from darvaz.gateway.access.credentials import NO_DIGEST
from darvaz.gateway.access.decisions import (
    ENROLMENT_CLOSED,
    ENROLMENT_NOT_PROVEN,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    ID_TAKEN,
    NO_PUBLIC_TOKENS,
    OTHER_DEVICE,
    AccessPolicy,
    Admitted,
    AskToken,
    Need,
    Refused,
    too_many_tokens,
)
from darvaz.gateway.access.enrolment import Enrolment
from darvaz.gateway.access.headers import bearer_of, is_of_proxy
from darvaz.gateway.access.operators import Operators
from darvaz.gateway.access.origins import is_host_allowed
from darvaz.gateway.access.rate_limiter import RateLimiter
from darvaz.gateway.access.rules import AccessRules, closed_on_failure
from darvaz.gateway.access.tokens import DEVICE_KINDS, HOLDERS_PER_DEVICE_MAX, MINTED_LIFE_S, Token, Tokens

log = logging.getLogger("darvaz.access")

MINTS_PER_MINUTE_MAX = 30
# The tables that every decision is made by; a gateway keeps them in memory.
MIRRORED_TABLES = ("tokens", "sessions", "sign_in_links", "settings", "people", "invitations")

_MESSAGE = "Use these tokens in the Authorization header as 'Bearer <token>'"


class Access:
    """Decides who is admitted. Made once at each start of the gateway; used by one thread; every method is quick.

    The first start without a known device opens the enrolment window, if the policy has one.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        policy: AccessPolicy,
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens = Tokens(connection, unix_s)
        self.enrolment = Enrolment(connection, unix_s, monotonic_s)
        self.connection = connection
        self._unix_s = unix_s
        self.rules = AccessRules(policy, self.tokens, monotonic_s)
        self.operators = Operators(connection, self.rules, self.tokens, unix_s)
        self.mints = RateLimiter(MINTS_PER_MINUTE_MAX, 60.0, monotonic_s)
        self.tokens.prune()
        if policy.public_tokens == "window":
            self.enrolment.open_at_first_start()

    def close(self) -> None:
        """Closes the database; the object cannot be used after that."""
        self.tokens.uses.close(self.connection)
        self.connection.close()

    # Boards

    @closed_on_failure
    def admit_device(self, caller: Caller, kind: str) -> Admitted | AskToken | Refused:
        """Decides about a board's handshake.

        Pages are checked first and not counted as failures: any page on the web can make a browser
        connect, and must not be able to lock out its user's address. A browser's handshake always has
        an Origin (RFC 6455, section 4.1), so the Host rule applies only with one.
        """
        if not self.rules.is_own_page(caller):
            return FOREIGN_ORIGIN
        if caller.origin is not None and not is_host_allowed(caller.host, self.rules.policy.allowed_hosts):
            return FOREIGN_HOST
        if is_of_proxy(caller):
            return AskToken()
        if caller.authorization is not None or caller.has_query_token:
            return _admitted(self.rules.check_token(caller, bearer_of(caller), kind))
        if caller.named_token is not None:
            return self._challenge(caller, caller.named_token, kind)
        if self.rules.is_trusted(caller):
            return Admitted(None)
        # From an address with failures too: the token of the first message may be valid, and is the only one checked.
        return AskToken()

    @closed_on_failure
    def admit_with_token(self, caller: Caller, kind: str, text: str) -> Admitted | Refused:
        """Decides about the token in a first message."""
        return _admitted(self.rules.check_token(caller, text, kind))

    @closed_on_failure
    def admit_with_proof(self, caller: Caller, kind: str, challenge: Challenge, proof: str) -> Admitted | Refused:
        """Decides about the answer to a challenge in a first message."""
        digest = self.tokens.live_digest(challenge.token_id, kind) or NO_DIGEST
        text = f"dvz_{challenge.token_id}_{challenge.open(digest, proof)}"
        return _admitted(self.rules.check_token(caller, text, kind))

    def _challenge(self, caller: Caller, named: str, kind: str) -> AskToken | Refused:
        """Returns the challenge for a token that a handshake named; an id without one counts like a wrong token."""
        challenge = make_challenge(named)
        digest = self.tokens.live_digest(challenge.token_id, kind) if challenge is not None else None
        if challenge is None or digest is None:
            return self.rules.refuse_token(caller)
        return AskToken(challenge, challenge.header(digest))

    def digest_of_board(self, token_id: str) -> bytes:
        """Returns the hash that is stored of a board's valid token, from which the key of TLS is made; b"" if none."""
        try:
            return self.tokens.live_digest(token_id, *DEVICE_KINDS) or b""
        except sqlite3.Error as error:
            log.error("= no link can be encrypted, the database fails: %s", error)
            return b""

    @closed_on_failure
    def bind(self, admitted: Admitted, device_id: str, *, is_elsewhere: bool = False) -> Refused | tuple[str, ...]:
        """Binds the token of a link to the device that introduced itself; a token keeps its device.

        Returns the ids of the tokens that held the device's id before, where a new token takes it. One that its own
        board fetched may do so only if the others were fetched as well, and the device is not online elsewhere.
        """
        if admitted.token_id is None or admitted.device == device_id:
            return ()
        token = self.tokens.find(admitted.token_id)
        is_new = token is not None and token.device is None
        holders = self.tokens.holders(device_id) if is_new else []
        if token is not None and token.is_minted and not _may_take(holders, is_elsewhere):
            return ID_TAKEN
        if self.tokens.bind(admitted.token_id, device_id):
            return tuple(holder.token_id for holder in holders)
        return OTHER_DEVICE

    def invalid_tokens(self) -> frozenset[str]:
        """Returns the ids of tokens that were revoked or have expired, in all processes.

        A database that cannot be read ends no link.
        """
        try:
            return self.tokens.invalid_ids()
        except sqlite3.Error as error:
            log.error("= tokens cannot be checked, the database fails: %s", error)
            return frozenset()

    # People and programs

    def operator(self, caller: Caller, state_changing: bool) -> Admitted | Refused:
        """Decides about a request by localhost, browser session or token; a viewer may only read."""
        return self.operators.admit(caller, Need.CHANGE if state_changing else Need.VIEW)

    @closed_on_failure
    def public_tokens(self, caller: Caller) -> dict[str, Any] | Refused:
        """Mints one token for each kind of board, in the guide's shape, where the policy allows it.

        For `ENROLMENT_NOT_PROVEN`, ask again with `is_local_program` if the system says that the caller is one.
        """
        refused = self.refuse_public_tokens(caller)
        if refused is not None:
            return refused
        issued = self.tokens.mint(DEVICE_KINDS, caller.address)
        if issued is None:
            return too_many_tokens(MINTED_LIFE_S)
        given = {f"{kind}_tokens": [token.text] for kind, token in zip(DEVICE_KINDS, issued, strict=True)}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self._unix_s()))
        return {"status": "success", **given, "timestamp": stamp, "message": _MESSAGE}

    @closed_on_failure
    def refuse_public_tokens(self, caller: Caller) -> Refused | None:
        """Returns the refusal of a caller that may not fetch tokens now, and counts its call."""
        if not self.rules.is_own_page(caller) or caller.is_cross_site:
            return FOREIGN_ORIGIN
        if not self.rules.is_known_name(caller):
            return FOREIGN_HOST
        wait_s = self.mints.wait_s(caller.address)
        if wait_s is not None:
            return too_many_tokens(wait_s)
        refused = self._refuse_closed(caller)
        # The same caller asks again, with the system's word.
        if refused is not ENROLMENT_NOT_PROVEN:
            self.mints.count(caller.address)
        return refused

    def _refuse_closed(self, caller: Caller) -> Refused | None:
        policy = self.rules.policy.public_tokens
        if policy == "never":
            return NO_PUBLIC_TOKENS
        if policy == "always" or self.enrolment.seconds_left() > 0 or self.operators.is_of_this_machine(caller):
            return None
        # A client behind a proxy that adds no header has the address of this machine, too.
        return ENROLMENT_NOT_PROVEN if self.rules.is_trusted(caller) else ENROLMENT_CLOSED


def _may_take(holders: Sequence[Token], is_elsewhere: bool) -> bool:
    """Whether a new token that was fetched may take an id that these tokens hold."""
    if not holders:
        return True
    is_room = len(holders) < HOLDERS_PER_DEVICE_MAX
    return is_room and not is_elsewhere and all(holder.is_minted for holder in holders)


def _admitted(judged: Token | Refused) -> Admitted | Refused:
    return Admitted(judged.token_id, device=judged.device) if isinstance(judged, Token) else judged
