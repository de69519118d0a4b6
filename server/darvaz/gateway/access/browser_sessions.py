"""Browser sessions: opened, checked and ended; only a hash of the secret is stored."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from darvaz.gateway.access.credentials import NO_DIGEST, Credential, is_secret_of, make_credential, parse_credential
from darvaz.gateway.access.roles import Role
from darvaz.gateway.storage.database import transaction

log = logging.getLogger("darvaz.access")

IDLE_S = 30 * 86_400.0
LIFE_S = 180 * 86_400.0
SESSIONS_MAX = 256
# Of one person: the browsers of all their devices.
SESSIONS_PER_PERSON_MAX = 8
AGENT_CHARS_MAX = 160

_TOUCH_EVERY_S = 60.0
_COLUMNS = "id, role, token, agent, created_s, last_used_s, last_address, person, author, invitation"
# A session ends with the token that opened it, with the person whose it is, with the one who made its link, and with
# the invitation whose dashboard it shows.
_LIVE = (
    "last_used_s > :now_s - :idle_s AND created_s > :now_s - :life_s AND (token IS NULL OR token IN"
    " (SELECT id FROM tokens WHERE revoked_s IS NULL AND coalesce(expires_s, 9e99) > :now_s))"
    " AND (person IS NULL OR person IN (SELECT id FROM people))"
    " AND (author IS NULL OR author IN (SELECT id FROM people))"
    " AND (invitation IS NULL OR invitation IN (SELECT id FROM invitations WHERE expires_s > :now_s))"
)


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """What is stored of a browser session, without its secret."""

    session_id: str
    role: Role
    token_id: str | None
    agent: str
    created_s: float
    last_used_s: float
    last_address: str | None
    person: str | None = None
    """The person whose it is."""
    author: str | None = None
    """The person who let it in, with whom it ends."""
    invitation: str | None = None
    """The invitation whose dashboard it shows, and nothing else."""

    @property
    def ends_s(self) -> float:
        """When it ends if it is not used again, in Unix seconds."""
        return min(self.last_used_s + IDLE_S, self.created_s + LIFE_S)


class BrowserSessions:
    """The browser sessions in the database; nothing is cached, since another process may end them."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._connection = connection
        self._unix_s = unix_s

    def open(
        self,
        role: Role,
        address: str | None,
        agent: str,
        token_id: str | None,
        *,
        person: str | None = None,
        author: str | None = None,
        invitation: str | None = None,
    ) -> Credential:
        """Opens a session and returns its credential.

        Beyond `SESSIONS_MAX`, or `SESSIONS_PER_PERSON_MAX` of one person, the least recently used one ends. Those of an
        invitation are as many as it has uses.
        """
        made, now_s = make_credential(), self._unix_s()
        values = (
            made.identity, made.digest, role, token_id, agent[:AGENT_CHARS_MAX], now_s, now_s, address,
            person, author, invitation,
        )  # fmt: skip
        with transaction(self._connection):
            self._delete_ended()
            self._connection.execute(
                "INSERT INTO sessions (id, secret_sha256, role, token, agent, created_s, last_used_s, last_address,"
                " person, author, invitation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            if invitation is None:
                self._connection.execute(
                    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id <> ? AND person IS ?"
                    " AND invitation IS NULL ORDER BY last_used_s DESC, created_s DESC LIMIT -1 OFFSET ?)",
                    (made.identity, person, (SESSIONS_MAX if person is None else SESSIONS_PER_PERSON_MAX) - 1),
                )
        return made

    def check(self, text: str, address: str | None) -> BrowserSession | None:
        """Returns the live session of a credential, or None; stores the use."""
        session_id, secret = parse_credential(text)
        row = self._connection.execute(
            f"SELECT {_COLUMNS}, secret_sha256 FROM sessions WHERE id = :id AND {_LIVE}", self._now(id=session_id)
        ).fetchone()
        if not is_secret_of(row[-1] if row else NO_DIGEST, secret) or row is None:
            return None
        session = BrowserSession(*row[:-1])
        self._touch(session, address)
        return session

    def find(self, session_id: str) -> BrowserSession | None:
        """Returns a session that is still valid, in all processes; None for any other id."""
        sql = f"SELECT {_COLUMNS} FROM sessions WHERE id = :id AND {_LIVE}"
        row = self._connection.execute(sql, self._now(id=session_id)).fetchone()
        return None if row is None else BrowserSession(*row)

    def is_live(self, session_id: str) -> bool:
        """Whether a session is still valid, in all processes."""
        return self.find(session_id) is not None

    def list(self) -> list[BrowserSession]:
        """Returns the live sessions, the most recently used one first."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM sessions WHERE {_LIVE} ORDER BY last_used_s DESC, id", self._now()
        )
        return [BrowserSession(*row) for row in rows]

    def close(self, session_id: str) -> bool:
        """Ends a session at once; returns False if it does not exist."""
        return self._connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,)).rowcount == 1

    def prune(self) -> None:
        """Deletes the sessions whose token is gone."""
        with transaction(self._connection):
            self._delete_ended()

    def _delete_ended(self) -> None:
        """Deletes what no clock brings back; the expired stay, refused, since the clock may be wrong for a while."""
        self._connection.execute(
            "DELETE FROM sessions WHERE token IS NOT NULL"
            " AND token NOT IN (SELECT id FROM tokens WHERE revoked_s IS NULL)"
        )

    def _touch(self, session: BrowserSession, address: str | None) -> None:
        """Stores the use, once a minute at most; a disk error refuses nobody."""
        now_s = self._unix_s()
        if 0 <= now_s - session.last_used_s < _TOUCH_EVERY_S:
            return
        try:
            self._connection.execute(
                "UPDATE sessions SET last_used_s = ?, last_address = ? WHERE id = ?",
                (now_s, address, session.session_id),
            )
        except sqlite3.OperationalError as error:
            log.warning("= the use of session %s could not be stored: %s", session.session_id, error)

    def _now(self, **more: Any) -> dict[str, Any]:
        return {"now_s": self._unix_s(), "idle_s": IDLE_S, "life_s": LIFE_S, **more}
