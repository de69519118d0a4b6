"""Invitations: links that let several people in, or show one dashboard to many, until an end."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from darvaz.gateway.access.credentials import NO_DIGEST, Credential, is_secret_of, make_credential, parse_credential
from darvaz.gateway.access.roles import Grant, PersonRole, dump_grants, load_grants, role_of
from darvaz.gateway.storage.database import transaction

INVITATIONS_MAX = 50
USES_MAX = 200
INVITATION_DAYS = 7.0
INVITATION_DAYS_MAX = 366.0

_DAY_S = 86_400.0
# Shown for a while after its end, so that its people are not a riddle.
_KEEP_S = 30 * _DAY_S
_COLUMNS = "id, label, role, grants, layout, uses_max, uses, created_s, expires_s, author"


class TooManyInvitationsError(Exception):
    """There are as many invitations as a gateway may have."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is stored of an invitation, without its secret."""

    invitation_id: str
    label: str
    role: PersonRole
    grants: tuple[Grant, ...]
    layout: str | None
    """The dashboard that it shows; None for one that makes people."""
    uses_max: int
    uses: tuple[str, ...]
    """One id for each use: of a person, or of a browser session."""
    created_s: float
    expires_s: float
    author: str | None
    """The person who made it, with whom it ends."""

    @property
    def is_full(self) -> bool:
        return len(self.uses) >= self.uses_max


class Invitations:
    """The invitations in the database. A use is counted in the same step in which it is allowed."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._connection = connection
        self._unix_s = unix_s

    def issue(
        self,
        role: PersonRole,
        grants: Sequence[Grant] = (),
        *,
        uses_max: int = 1,
        days: float = INVITATION_DAYS,
        label: str = "",
        layout: str | None = None,
        author: str | None = None,
    ) -> Credential:
        """Makes an invitation; raises `ValueError` for bounds, and `TooManyInvitationsError`."""
        if not 0 < days <= INVITATION_DAYS_MAX or not 1 <= uses_max <= USES_MAX:
            raise ValueError(f"an invitation is for up to {USES_MAX} uses in up to {INVITATION_DAYS_MAX:g} days")
        made, now_s = make_credential(), self._unix_s()
        with transaction(self._connection):
            self._connection.execute("DELETE FROM invitations WHERE expires_s <= ?", (now_s - _KEEP_S,))
            (count,) = self._connection.execute("SELECT count(*) FROM invitations").fetchone()
            if count >= INVITATIONS_MAX:
                raise TooManyInvitationsError(f"there are {INVITATIONS_MAX} invitations already: remove some")
            self._connection.execute(
                f"INSERT INTO invitations ({_COLUMNS}, secret_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    made.identity, label, role, dump_grants(grants), layout, uses_max, "[]", now_s,
                    now_s + days * _DAY_S, author, made.digest,
                ),
            )  # fmt: skip
        return made

    def check(self, text: str) -> Invitation | None:
        """Returns the invitation with this secret, used up or not; None for a wrong or expired one."""
        invitation_id, secret = parse_credential(text)
        row = self._connection.execute(
            f"SELECT {_COLUMNS}, secret_sha256 FROM invitations WHERE id = ?", (invitation_id,)
        ).fetchone()
        if not is_secret_of(row[-1] if row else NO_DIGEST, secret) or row is None:
            return None
        found = _invitation(*row[:-1])
        return found if found.created_s <= self._unix_s() < found.expires_s else None

    def use(self, invitation: Invitation, used_by: str) -> None:
        """Counts a use; the caller has looked whether there is one left, without a wait since then."""
        self._connection.execute(
            "UPDATE invitations SET uses = ? WHERE id = ?",
            (json.dumps([*invitation.uses, used_by]), invitation.invitation_id),
        )

    def list(self) -> list[Invitation]:
        """Returns all invitations, the newest first."""
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM invitations ORDER BY created_s DESC, id")
        return [_invitation(*row) for row in rows]

    def find(self, invitation_id: str) -> Invitation | None:
        """Returns an invitation; None for an unknown id."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM invitations WHERE id = ?", (invitation_id,)).fetchone()
        return None if row is None else _invitation(*row)

    def revoke(self, invitation_id: str) -> bool:
        """Ends an invitation, with the browser sessions that show its dashboard; returns whether there was one."""
        self._connection.execute("DELETE FROM sessions WHERE invitation = ?", (invitation_id,))
        return self._connection.execute("DELETE FROM invitations WHERE id = ?", (invitation_id,)).rowcount == 1

    def revoke_of(self, layout: str) -> None:
        """Ends the invitations of a dashboard."""
        for invitation in self.list():
            if invitation.layout == layout:
                self.revoke(invitation.invitation_id)


def _invitation(
    invitation_id: str, label: str, role: str, grants: str, layout: str | None, uses_max: int, uses: str,
    created_s: float, expires_s: float, author: str | None,
) -> Invitation:  # fmt: skip
    return Invitation(
        invitation_id, label, role_of(role), load_grants(grants), layout, uses_max, tuple(json.loads(uses)),
        created_s, expires_s, author,
    )  # fmt: skip
