"""What is kept of alerts: the rules, the channels, the alerts themselves, and the messages that wait."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from darvaz.gateway.alerts.phrases import Language

TABLES = ("alert_rules", "alert_channels", "alerts", "alert_messages", "alert_waiting", "push_subscriptions")
# Alerts that are over; the oldest are deleted.
ENDED_MAX = 2_000
# Alerts at the same time; those beyond are counted, and neither kept nor told.
ACTIVE_MAX = 10_000

_T = TypeVar("_T")


def new_id() -> str:
    """Returns an id that nothing else has."""
    return secrets.token_hex(6)


class Alert(msgspec.Struct, kw_only=True):
    """A rule that came true for a device. Times are Unix seconds."""

    id: str
    rule: Annotated[str, Meta(description="The id of its rule, which may be gone.")]
    device: Annotated[str | None, Meta(description="Null for the gateway itself.")]
    title: Annotated[str, Meta(description="The name of the rule, or what it watches.")]
    when: str
    what: Annotated[str, Meta(description="What is wrong, in words.")]
    value: Any = None
    since: Annotated[float, Meta(description="When it began to be so.")]
    began: Annotated[float, Meta(description="When the time of the rule was over.")]
    ended: float | None = None
    reason: Annotated[str, Meta(description="Why it ended, if not by itself.")] = ""
    acknowledged: float | None = None
    acknowledged_by: str = ""
    is_announced: Annotated[bool, Meta(description="Whether people were told.")] = False
    is_escalated: bool = False


class Channel(msgspec.Struct, frozen=True):
    """A way to tell people: an address of Apprise, which is a secret."""

    url: str
    shown: str
    """The address without its secrets."""
    language: Language = "en"
    """Of the messages that it is told."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel is to tell."""

    id: str
    channel: str
    unix_s: float
    title: str
    body: str
    language: Language = "en"
    began: list[str] = []
    """The ids of alerts that it tells of, and of those that it says are over."""
    ended: list[str] = []


class Waiting(msgspec.Struct, frozen=True):
    """What was true for less than the time of its rule: rule, device and seconds so far."""

    conditions: list[tuple[str, str, float]]


class Kept(Generic[_T]):
    """The rows of one table: an id, and a struct as JSON. Each change is one statement, however many rows it is of."""

    def __init__(self, connection: sqlite3.Connection, table: str, shape: type[_T]) -> None:
        self._connection = connection
        self._table = table
        self._shape = shape
        # The number of the next new row: rows are read in the order in which they came.
        self._next = 0

    def load(self) -> dict[str, _T]:
        """Returns all rows; those that a later version wrote otherwise are left out."""
        found: dict[str, _T] = {}
        for identity, text in self._connection.execute(f"SELECT id, data FROM {self._table} ORDER BY number"):
            try:
                found[identity] = msgspec.json.decode(text, type=self._shape)
            except msgspec.MsgspecError:
                continue
        return found

    def put(self, rows: Mapping[str, _T]) -> None:
        """Adds or replaces rows."""
        if not rows:
            return
        if not self._next:
            found = self._connection.execute(f"SELECT coalesce(max(number), 0) + 1 FROM {self._table}")
            self._next = found.fetchone()[0]
        numbered = enumerate(rows.items(), self._next)
        self._connection.executemany(
            f"INSERT INTO {self._table} (id, number, data) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET data = excluded.data",
            [(identity, number, msgspec.json.encode(row).decode()) for number, (identity, row) in numbered],
        )
        self._next += len(rows)

    def remove(self, identities: Iterable[str]) -> None:
        """Deletes rows."""
        found = [(identity,) for identity in identities]
        if found:
            self._connection.executemany(f"DELETE FROM {self._table} WHERE id = ?", found)
