"""Tokens: what a device or an operator shows to be let in; made, checked, bound, revoked, forgotten."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from darvaz.gateway.access.credentials import NO_DIGEST, is_secret_of, make_credential, parse_credential
from darvaz.gateway.access.rate_limiter import network_of
from darvaz.gateway.access.token_uses import TokenUses
from darvaz.gateway.storage.database import transaction

DEVICE_KINDS = ("pico", "esp32cam")
KINDS = (*DEVICE_KINDS, "operator", "viewer")

MINTED_LIFE_S = 3600.0
# Tokens that /public/tokens gave out and no device has used yet: one place's oldest makes room for its newest.
UNUSED_PER_SITE_MAX = 64
UNUSED_TOTAL_MAX = 2048
# A program that fetches a token at every start (the guide's does) would otherwise leave one a start for ever.
MINTED_PER_DEVICE_MAX = 32

_KEEP_DEAD_S = 30 * 86_400.0
_TOUCH_EVERY_S = 60.0
_COLUMNS = "id, kind, label, device, is_minted, created_s, expires_s, revoked_s, last_used_s, last_address"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; `text` is shown once and kept nowhere."""

    token_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """What is remembered of a token: everything but its secret."""

    token_id: str
    kind: str
    label: str
    device: str | None
    is_minted: bool
    created_s: float
    expires_s: float | None
    revoked_s: float | None
    last_used_s: float | None
    last_address: str | None

    def is_live(self, now_s: float) -> bool:
        """Whether it still lets anyone in."""
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)


class Tokens:
    """The tokens in the database; another process may change them at any time, so only their uses wait here."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        # What waits to be written; the gateway has it written in the background.
        self.uses = TokenUses()

    # Making

    def issue(self, kind: str, label: str = "", expires_in_s: float | None = None, device: str | None = None) -> Issued:
        """Makes a token, shown once, that lives until it expires, if so asked, or is revoked.

        Raises `ValueError` on an unknown kind and on a time that is no number.
        """
        # SQLite keeps NaN as NULL, which would be a token without end.
        if expires_in_s is not None and not math.isfinite(expires_in_s):
            raise ValueError("the time until a token expires is a number of seconds")
        return self._insert(kind, label, expires_in_s, device, minted_for=None)

    def mint(self, kinds: Iterable[str], address: str | None) -> list[Issued] | None:
        """Makes one short-lived token a kind for whoever asks, or None while too many are about unused."""
        site = network_of(address)
        wanted = list(kinds)
        with transaction(self._connection):
            self._forget_unused()
            self._make_room(site, len(wanted))
            if self._count_unused() + len(wanted) > UNUSED_TOTAL_MAX:
                return None
            return [self._insert(kind, "", MINTED_LIFE_S, None, minted_for=site) for kind in wanted]

    def _insert(
        self, kind: str, label: str, expires_in_s: float | None, device: str | None, minted_for: str | None
    ) -> Issued:
        if kind not in KINDS:
            raise ValueError(f"a token is for one of {', '.join(KINDS)}")
        made = make_credential()
        now_s = self._clock()
        expires_s = None if expires_in_s is None else now_s + expires_in_s
        self._connection.execute(
            "INSERT INTO tokens (id, secret_sha256, kind, label, device, is_minted, minted_for, created_s, expires_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made.identity, made.digest, kind, label, device, minted_for is not None, minted_for, now_s, expires_s),
        )
        return Issued(made.identity, made.text)

    # Checking

    def check(self, text: str, kind: str, address: str | None) -> Token | None:
        """Returns the live token of this kind that a text is, or None.

        Does the same work whatever is wrong: one look-up, one hash, one comparison in constant time.
        """
        token_id, secret = parse_credential(text)
        token, digest = self._find(token_id)
        is_secret_right = is_secret_of(digest, secret)
        if token is None or not is_secret_right or token.kind != kind or not token.is_live(self._clock()):
            return None
        self._touch(token, address)
        return token

    def invalid_ids(self) -> frozenset[str]:
        """Returns the ids of the remembered tokens that are revoked or expired: few, while the live may be many."""
        dead = self._connection.execute(
            "SELECT id FROM tokens WHERE revoked_s IS NOT NULL OR expires_s <= ?", (self._clock(),)
        )
        return frozenset(token_id for (token_id,) in dead)

    def is_live(self, token_id: str) -> bool:
        """Whether a token still lets anyone in, as every process sees it."""
        token, _ = self._find(token_id)
        return token is not None and token.is_live(self._clock())

    def bind(self, token_id: str, device: str) -> bool:
        """Ties a token to the first device that uses it; returns whether it is this one's.

        A minted token stops expiring here: it has found its device.
        """
        token, _ = self._find(token_id)
        if token is not None and token.device is None:
            token = self._tie(token, device)
        return token is not None and token.is_live(self._clock()) and token.device == device

    def _tie(self, token: Token, device: str) -> Token | None:
        """Writes the device unless another process was quicker; returns the token as it is now."""
        if token.is_minted:
            # Which tokens are superseded depends on when each was used.
            self.uses.write(self._connection)
        with transaction(self._connection):
            tied = self._connection.execute(
                "UPDATE tokens SET device = ?, expires_s = CASE WHEN is_minted THEN NULL ELSE expires_s END"
                " WHERE id = ? AND device IS NULL AND revoked_s IS NULL AND coalesce(expires_s, 9e99) > ?",
                (device, token.token_id, self._clock()),
            )
            if tied.rowcount and token.is_minted:
                self._forget_superseded(device)
        return self._find(token.token_id)[0]

    def _touch(self, token: Token, address: str | None) -> None:
        """Notes the use, once a minute at most."""
        now_s = self._clock()
        used_s = self.uses.last_use_s(token.token_id) or token.last_used_s
        if used_s is None or not 0 <= now_s - used_s < _TOUCH_EVERY_S:
            self.uses.note(token.token_id, now_s, address)

    # Looking after

    def revoke(self, token_id: str) -> bool:
        """Ends a token for good; returns False if there is no such token, or none any more."""
        revoked = self._connection.execute(
            "UPDATE tokens SET revoked_s = ? WHERE id = ? AND revoked_s IS NULL", (self._clock(), token_id)
        )
        return revoked.rowcount == 1

    def revoke_of(self, device: str) -> int:
        """Ends every token that is bound to a device; returns how many there were."""
        revoked = self._connection.execute(
            "UPDATE tokens SET revoked_s = ? WHERE device = ? AND revoked_s IS NULL", (self._clock(), device)
        )
        return revoked.rowcount

    def list(self) -> list[Token]:
        """Returns every token that is remembered, the oldest first."""
        self.uses.write(self._connection)
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY created_s, id")
        return [_token(row) for row in rows]

    def prune(self) -> None:
        """Forgets minted tokens that nobody used, and others a month after their end."""
        with transaction(self._connection):
            self._forget_unused()
            self._connection.execute(
                "DELETE FROM tokens WHERE min(coalesce(expires_s, 9e99), coalesce(revoked_s, 9e99)) <= ?",
                (self._clock() - _KEEP_DEAD_S,),
            )

    def _forget_unused(self) -> None:
        self._connection.execute(
            "DELETE FROM tokens WHERE is_minted = 1 AND device IS NULL AND expires_s <= ?", (self._clock(),)
        )

    def _forget_superseded(self, device: str) -> None:
        self._connection.execute(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE is_minted = 1 AND device = ?"
            " ORDER BY coalesce(last_used_s, created_s) DESC, created_s DESC LIMIT -1 OFFSET ?)",
            (device, MINTED_PER_DEVICE_MAX),
        )

    def _make_room(self, site: str, count: int) -> None:
        self._connection.execute(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens"
            " WHERE is_minted = 1 AND device IS NULL AND minted_for = ?"
            " ORDER BY created_s DESC LIMIT -1 OFFSET ?)",
            (site, UNUSED_PER_SITE_MAX - count),
        )

    def _count_unused(self) -> int:
        unused = self._connection.execute("SELECT count(*) FROM tokens WHERE is_minted = 1 AND device IS NULL")
        return int(unused.fetchone()[0])

    def _find(self, token_id: str) -> tuple[Token | None, bytes]:
        """Returns a token and the hash of its secret; an unknown one has a hash that nothing has."""
        row = self._connection.execute(f"SELECT {_COLUMNS}, secret_sha256 FROM tokens WHERE id = ?", (token_id,))
        found = row.fetchone()
        return (_token(found[:-1]), found[-1]) if found else (None, NO_DIGEST)


def _token(row: tuple[Any, ...]) -> Token:
    token_id, kind, label, device, is_minted, *rest = row
    return Token(token_id, kind, label, device, bool(is_minted), *rest)
