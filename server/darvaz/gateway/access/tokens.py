"""Tokens of devices, operators, viewers and assistants: issued, checked, bound to a device, revoked, deleted."""

from __future__ import annotations

import hmac
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from darvaz.gateway.access.credentials import NO_DIGEST, digest_of, make_credential, parse_credential
from darvaz.gateway.access.networks import network_of
from darvaz.gateway.access.proved_tokens import ProvedTokens
from darvaz.gateway.access.token_uses import TokenUses
from darvaz.gateway.storage.database import transaction

DEVICE_KINDS = ("pico", "esp32cam")
# Of people and programs: a token of the kind `person` has the role of its person.
PEOPLE_KINDS = ("owner", "operator", "viewer", "assistant", "person")
KINDS = (*DEVICE_KINDS, *PEOPLE_KINDS)

MINTED_LIFE_S = 3600.0
# Tokens of /public/tokens that no device has used: beyond this, the oldest of a network is deleted.
UNUSED_PER_NETWORK_MAX = 64
UNUSED_TOTAL_MAX = 2048
# A program that fetches a token at every start, as the guide's does, would otherwise leave a token per start. Only
# tokens that the same network fetched are superseded: a guest's cannot push out a board's own.
MINTED_PER_DEVICE_MAX = 32
HOLDERS_PER_DEVICE_MAX = 1024

# Tokens that are read in one go where there may be many.
_PART_MAX = 200
_KEEP_INVALID_S = 30 * 86_400.0
_TOUCH_EVERY_S = 60.0
_COLUMNS = (
    "id, kind, label, device, is_minted, created_s, expires_s, revoked_s, last_used_s, last_address, person, author"
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; `text` is shown once and not stored."""

    token_id: str
    text: str


class Token(msgspec.Struct, frozen=True):
    """What is stored of a token, without its secret."""

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
    person: str | None = None
    """The person whose it is, of the kind `person`."""
    author: str | None = None
    """The person who issued it, with whom it ends."""

    def is_live(self, now_s: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)


class Tokens:
    """The tokens in the database; another process may change them at any time, so only their uses wait here."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._connection = connection
        self._unix_s = unix_s
        self._proved = ProvedTokens(connection)
        # What waits to be written; the gateway has it written in the background.
        self.uses = TokenUses()

    # Making

    def issue(
        self,
        kind: str,
        label: str = "",
        expires_in_s: float | None = None,
        device: str | None = None,
        *,
        person: str | None = None,
        author: str | None = None,
    ) -> Issued:
        """Makes a token, valid until it is revoked or, if given, `expires_in_s` is over.

        Raises `ValueError` for an unknown kind, for a time that is not finite, and for one of the kind `person` without
        a person.
        """
        # SQLite stores NaN as NULL, which would be a token without expiry.
        if expires_in_s is not None and not math.isfinite(expires_in_s):
            raise ValueError("the time until a token expires is a number of seconds")
        if (kind == "person") != (person is not None):
            raise ValueError("a token of the kind person, and no other, names its person")
        return self._insert(kind, label, expires_in_s, device, minted_for=None, person=person, author=author)

    def mint(self, kinds: Iterable[str], address: str | None) -> list[Issued] | None:
        """Makes one short-lived token of each kind, or returns None while too many are unused."""
        network = network_of(address)
        wanted = list(kinds)
        with transaction(self._connection):
            self._delete_unused()
            self._limit_unused(network, len(wanted))
            if self._count_unused() + len(wanted) > UNUSED_TOTAL_MAX:
                return None
            return [self._insert(kind, "", MINTED_LIFE_S, None, minted_for=network) for kind in wanted]

    def _insert(
        self,
        kind: str,
        label: str,
        expires_in_s: float | None,
        device: str | None,
        minted_for: str | None,
        person: str | None = None,
        author: str | None = None,
    ) -> Issued:
        if kind not in KINDS:
            raise ValueError(f"a token is for one of {', '.join(KINDS)}")
        made = make_credential()
        now_s = self._unix_s()
        expires_s = None if expires_in_s is None else now_s + expires_in_s
        self._connection.execute(
            "INSERT INTO tokens (id, secret_sha256, kind, label, device, is_minted, minted_for, created_s, expires_s,"
            " person, author) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                made.identity, made.digest, kind, label, device, minted_for is not None, minted_for, now_s, expires_s,
                person, author,
            ),
        )  # fmt: skip
        return Issued(made.identity, made.text)

    # Checking

    def check(self, text: str, kind: str, address: str | None) -> Token | None:
        """Returns the valid token of this kind with this text, or None.

        The work is the same for every wrong text: one look-up, one hash, one comparison in constant time.
        """
        token_id, secret = parse_credential(text)
        given = digest_of(secret)
        token: Token | None = self._proved.find(given)
        if token is None or token.token_id != token_id:
            token, digest = self._find(token_id)
            if not hmac.compare_digest(digest, given) or token is None:
                return None
            self._proved.keep(given, token)
        if token.kind != kind or not token.is_live(self._unix_s()):
            return None
        self._touch(token, address)
        return token

    def live_digest(self, token_id: str, *kinds: str) -> bytes | None:
        """Returns the hash that is stored of the secret of a valid token of these kinds; None if there is none."""
        token, digest = self._find(token_id)
        return digest if token is not None and token.kind in kinds and token.is_live(self._unix_s()) else None

    def invalid_ids(self) -> frozenset[str]:
        """Returns the ids of stored tokens that are revoked or expired; they are few."""
        invalid = self._connection.execute(
            "SELECT id FROM tokens WHERE revoked_s IS NOT NULL OR expires_s <= ?", (self._unix_s(),)
        )
        return frozenset(token_id for (token_id,) in invalid)

    def is_live(self, token_id: str) -> bool:
        """Whether a token is still valid, in all processes."""
        token, _ = self._find(token_id)
        return token is not None and token.is_live(self._unix_s())

    def find(self, token_id: str) -> Token | None:
        """Returns a token, also a revoked or expired one; None for an unknown id."""
        return self._find(token_id)[0]

    def holders(self, device: str) -> list[Token]:
        """Returns the valid tokens that are bound to a device, the one that was used last first."""
        self.uses.write(self._connection)
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM tokens WHERE device = ? AND revoked_s IS NULL AND coalesce(expires_s, 9e99) > ?"
            " ORDER BY coalesce(last_used_s, created_s) DESC LIMIT ?",
            (device, self._unix_s(), HOLDERS_PER_DEVICE_MAX),
        )
        return [_token(row) for row in rows]

    def bind(self, token_id: str, device: str) -> bool:
        """Binds a token to the first device that uses it; returns whether that is this device.

        A minted token does not expire after that.
        """
        token, _ = self._find(token_id)
        if token is not None and token.device is None:
            token = self._bind_unbound(token, device)
        return token is not None and token.is_live(self._unix_s()) and token.device == device

    def _bind_unbound(self, token: Token, device: str) -> Token | None:
        """Stores the device, unless another process did so before; returns the token as it is now."""
        if token.is_minted:
            # The times of use decide which tokens are superseded.
            self.uses.write(self._connection)
        with transaction(self._connection):
            bound = self._connection.execute(
                "UPDATE tokens SET device = ?, expires_s = CASE WHEN is_minted THEN NULL ELSE expires_s END"
                " WHERE id = ? AND device IS NULL AND revoked_s IS NULL AND coalesce(expires_s, 9e99) > ?",
                (device, token.token_id, self._unix_s()),
            )
            if bound.rowcount and token.is_minted:
                self._delete_superseded(device, token.token_id)
        return self._find(token.token_id)[0]

    def _touch(self, token: Token, address: str | None) -> None:
        """Notes the use, once a minute at most."""
        now_s = self._unix_s()
        used_s = self.uses.last_use_s(token.token_id) or token.last_used_s
        if used_s is None or not 0 <= now_s - used_s < _TOUCH_EVERY_S:
            self.uses.note(token.token_id, now_s, address)

    # Managing

    def revoke(self, token_id: str) -> bool:
        """Revokes a token; returns False if it does not exist or was revoked before."""
        revoked = self._connection.execute(
            "UPDATE tokens SET revoked_s = ? WHERE id = ? AND revoked_s IS NULL", (self._unix_s(), token_id)
        )
        return revoked.rowcount == 1

    def revoke_of(self, device: str) -> int:
        """Revokes every token that is bound to a device; returns how many."""
        revoked = self._connection.execute(
            "UPDATE tokens SET revoked_s = ? WHERE device = ? AND revoked_s IS NULL", (self._unix_s(), device)
        )
        return revoked.rowcount

    def parts(self) -> Iterator[list[Token]]:
        """Yields all stored tokens, some at a time, in the order of their ids."""
        self.uses.write(self._connection)
        last = ""
        while True:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM tokens WHERE id > ? ORDER BY id LIMIT ?", (last, _PART_MAX)
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield [_token(row) for row in rows]

    def list(self) -> list[Token]:
        """Returns all stored tokens, the oldest first."""
        self.uses.write(self._connection)
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY created_s, id")
        return [_token(row) for row in rows]

    def prune(self) -> None:
        """Deletes expired minted tokens that were never used, and all others a month after their end.

        A clock that is ahead at a start must not delete what is valid: the month is over once a token was made or used
        after it.
        """
        with transaction(self._connection):
            self._delete_unused()
            self._connection.execute(
                "DELETE FROM tokens WHERE min(coalesce(expires_s, 9e99), coalesce(revoked_s, 9e99)) <= min(?,"
                " (SELECT max(max(created_s, coalesce(last_used_s, 0.0))) FROM tokens)) - ?",
                (self._unix_s(), _KEEP_INVALID_S),
            )

    def _delete_unused(self) -> None:
        self._connection.execute(
            "DELETE FROM tokens WHERE is_minted = 1 AND device IS NULL AND expires_s <= ?", (self._unix_s(),)
        )

    def _delete_superseded(self, device: str, token_id: str) -> None:
        """Deletes the oldest minted tokens of a device that the network of this token fetched."""
        self._connection.execute(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE is_minted = 1 AND device = ?"
            " AND minted_for = (SELECT minted_for FROM tokens WHERE id = ?)"
            " ORDER BY coalesce(last_used_s, created_s) DESC, created_s DESC LIMIT -1 OFFSET ?)",
            (device, token_id, MINTED_PER_DEVICE_MAX),
        )

    def _limit_unused(self, network: str, count: int) -> None:
        self._connection.execute(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens"
            " WHERE is_minted = 1 AND device IS NULL AND minted_for = ?"
            " ORDER BY created_s DESC LIMIT -1 OFFSET ?)",
            (network, UNUSED_PER_NETWORK_MAX - count),
        )

    def _count_unused(self) -> int:
        unused = self._connection.execute("SELECT count(*) FROM tokens WHERE is_minted = 1 AND device IS NULL")
        return int(unused.fetchone()[0])

    def _find(self, token_id: str) -> tuple[Token | None, bytes]:
        """Returns a token and the hash of its secret; None and `NO_DIGEST` for an unknown id."""
        row = self._connection.execute(f"SELECT {_COLUMNS}, secret_sha256 FROM tokens WHERE id = ?", (token_id,))
        found = row.fetchone()
        return (_token(found[:-1]), found[-1]) if found else (None, NO_DIGEST)


def _token(row: tuple[Any, ...]) -> Token:
    # Each by its name: with a star, compiled code would look for all of them by text.
    token_id, kind, label, device, is_minted, created_s, expires_s, revoked_s, last_s, address, person, author = row
    return Token(
        token_id, kind, label, device, bool(is_minted), created_s, expires_s, revoked_s, last_s, address, person, author
    )
