"""People: names with a role, over the tokens and browser sessions that let them in; kept by the gateway."""

from __future__ import annotations

import base64
import secrets
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from darvaz.gateway.access.roles import Grant, PersonRole, dump_grants, load_grants, role_of
from darvaz.gateway.storage.database import transaction

PEOPLE_MAX = 500
NAME_CHARS_MAX = 40

_ID_BYTES = 5
_COLUMNS = "id, name, role, grants, created_s, invitation, language"


PersonLanguage = Literal["en", "fa"]


class NameTakenError(Exception):
    """Somebody has this name, or one that looks the same."""


class TooManyPeopleError(Exception):
    """There are as many people as a gateway may have."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person: the name stands in the journal, the role and the grants say what they may do."""

    person_id: str
    name: str
    role: PersonRole
    grants: tuple[Grant, ...]
    created_s: float
    invitation: str | None
    """The id of the invitation that they came with."""
    language: PersonLanguage | None = None
    """Of pages and messages; None until they chose one: then that of their browser."""


class People:
    """The people in the database; nothing is cached, since another gateway may change them."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._connection = connection
        self._unix_s = unix_s

    def each(self) -> Iterator[Person]:
        """Yields all people, in the order of their names; each with what they may do, which takes its time."""
        for person_id, _ in sorted(self._named(), key=lambda known: known[1]):
            person = self.find(person_id)
            if person is not None:
                yield person

    def roles(self) -> dict[str, tuple[str, PersonRole]]:
        """Returns the name and the role of each person, by their id."""
        rows = self._connection.execute("SELECT id, name, role FROM people")
        return {person_id: (name, role_of(role)) for person_id, name, role in rows}

    def _named(self) -> list[tuple[str, str]]:
        """Returns the id of each person, and what is the same for spellings of the name."""
        return [(person_id, _key(name)) for person_id, name in self._connection.execute("SELECT id, name FROM people")]

    def find(self, person_id: str) -> Person | None:
        """Returns a person; None for an unknown id."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM people WHERE id = ?", (person_id,)).fetchone()
        return None if row is None else _person(*row)

    def named(self, name: str) -> Person | None:
        """Returns the person whose name this is, in any spelling that looks the same."""
        wanted = _key(name)
        found = next((person_id for person_id, known in self._named() if known == wanted), None)
        return None if found is None else self.find(found)

    def add(
        self, name: str, role: PersonRole, grants: Sequence[Grant] = (), invitation: str | None = None
    ) -> Person:  # fmt: skip
        """Adds a person; raises `NameTakenError` and `TooManyPeopleError`."""
        name = tidy(name)
        known = self._named()
        if len(known) >= PEOPLE_MAX:
            raise TooManyPeopleError(f"there are {PEOPLE_MAX} people already: remove some")
        if _key(name) in dict(known).values():
            raise NameTakenError(f"somebody is called {name!r} already")
        person_id = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()
        person = Person(person_id, name, role, tuple(grants), self._unix_s(), invitation)
        self._connection.execute(
            f"INSERT INTO people ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (person_id, name, role, dump_grants(grants), person.created_s, invitation),
        )
        return person

    def change(self, person_id: str, name: str, role: PersonRole, grants: Sequence[Grant]) -> None:
        """Gives a person a name, a role and grants; raises `NameTakenError`."""
        name = tidy(name)
        other = self.named(name)
        if other is not None and other.person_id != person_id:
            raise NameTakenError(f"somebody is called {other.name!r} already")
        self._connection.execute(
            "UPDATE people SET name = ?, role = ?, grants = ? WHERE id = ?",
            (name, role, dump_grants(grants), person_id),
        )

    def set_language(self, person_id: str, language: PersonLanguage | None, *, is_guess: bool = False) -> None:
        """Changes the language of a person; a guess is taken only where they have none."""
        guess = " AND language IS NULL" if is_guess else ""
        self._connection.execute(f"UPDATE people SET language = ? WHERE id = ?{guess}", (language, person_id))

    def remove(self, person_id: str) -> bool:
        """Removes a person, with all sessions, links and tokens that are theirs or that they made.

        Returns whether there was one.
        """
        with transaction(self._connection):
            is_removed = self._connection.execute("DELETE FROM people WHERE id = ?", (person_id,)).rowcount == 1
            for table in ("sessions", "sign_in_links"):
                self._connection.execute(f"DELETE FROM {table} WHERE person = ? OR author = ?", (person_id, person_id))
            self._connection.execute("DELETE FROM invitations WHERE author = ?", (person_id,))
            self._connection.execute(
                "UPDATE tokens SET revoked_s = ? WHERE (person = ? OR author = ?) AND revoked_s IS NULL",
                (self._unix_s(), person_id, person_id),
            )
        return is_removed


def tidy(name: str) -> str:
    """Returns a name in one spelling, without blanks at its ends or several in a row."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _key(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _person(
    person_id: str,
    name: str,
    role: str,
    grants: str,
    created_s: float,
    invitation: str | None,
    language: str | None,
) -> Person:
    known = language if language in get_args(PersonLanguage) else None
    return Person(
        person_id, name, role_of(role), load_grants(grants), created_s, invitation, cast(PersonLanguage | None, known)
    )
