"""Sign-in links: each signs a browser in, once, and expires soon."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from darvaz.gateway.access.credentials import NO_DIGEST, Credential, is_secret_of, make_credential, parse_credential
from darvaz.gateway.access.roles import Role
from darvaz.gateway.storage.database import transaction

LINK_MINUTES = 15.0
LINK_MINUTES_MAX = 24 * 60.0
LINKS_MAX = 64
# Of one person: those of others must not be pushed out by theirs.
LINKS_PER_PERSON_MAX = 4

# A used link is stored for a day, so that a second use is not reported as an unknown link.
_KEEP_S = 86_400.0


@dataclass(frozen=True, slots=True)
class UsedLink:
    """A valid link, and whether this was its first use."""

    link_id: str
    role: Role
    is_first_use: bool
    person: str | None = None
    """The person whom it signs in."""
    author: str | None = None
    """The person who made it, with whom it and its session end."""


class SignInLinks:
    """The links in the database; the command line and a running gateway share them."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._connection = connection
        self._unix_s = unix_s

    def issue(
        self,
        role: Role = "operator",
        minutes: float = LINK_MINUTES,
        *,
        person: str | None = None,
        author: str | None = None,
    ) -> Credential:
        """Makes a link; beyond `LINKS_MAX` the oldest is deleted. Raises `ValueError` for minutes out of bounds."""
        if not 0 < minutes <= LINK_MINUTES_MAX:
            raise ValueError(f"a sign-in link lives for up to {LINK_MINUTES_MAX:g} minutes")
        made, now_s = make_credential(), self._unix_s()
        with transaction(self._connection):
            self._connection.execute("DELETE FROM sign_in_links WHERE expires_s <= ?", (now_s - _KEEP_S,))
            self._connection.execute(
                "INSERT INTO sign_in_links (id, secret_sha256, role, created_s, expires_s, person, author)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (made.identity, made.digest, role, now_s, now_s + minutes * 60, person, author),
            )
            self._connection.execute(
                "DELETE FROM sign_in_links WHERE id IN (SELECT id FROM sign_in_links WHERE person = ?"
                " ORDER BY created_s DESC, rowid DESC LIMIT -1 OFFSET ?)",
                (person, LINKS_PER_PERSON_MAX),
            )
            self._connection.execute(
                "DELETE FROM sign_in_links WHERE id IN"
                " (SELECT id FROM sign_in_links ORDER BY created_s DESC, rowid DESC LIMIT -1 OFFSET ?)",
                (LINKS_MAX,),
            )
        return made

    def use(self, text: str) -> UsedLink | None:
        """Returns the valid link of a credential, and marks it as used; or None."""
        link_id, secret = parse_credential(text)
        row = self._connection.execute(
            "SELECT secret_sha256, role, created_s, expires_s, person, author FROM sign_in_links WHERE id = ?",
            (link_id,),
        ).fetchone()
        role: Role
        digest, role, created_s, expires_s, person, author = row or (NO_DIGEST, "viewer", 0.0, 0.0, None, None)
        is_right = is_secret_of(digest, secret)
        if not is_right or not created_s <= self._unix_s() < expires_s:
            return None
        used = self._connection.execute(
            "UPDATE sign_in_links SET used_s = ? WHERE id = ? AND used_s IS NULL", (self._unix_s(), link_id)
        )
        return UsedLink(link_id, role, used.rowcount == 1, person, author)
