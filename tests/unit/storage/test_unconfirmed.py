"""What is repeated for rows that come from the disk: what may have changed them, and nothing else that is many."""

from __future__ import annotations

from typing import Any

import pytest

from darvaz.gateway.storage.unconfirmed import Unconfirmed

KEYS = {"tokens": "id", "alerts": "id"}
INSERT = "INSERT INTO alerts (id, number, data) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data"


def repeated(sql: str, rows: list[tuple[Any, ...]], *keys: tuple[str, Any]) -> list[tuple[Any, ...]]:
    waiting = Unconfirmed(lambda table: KEYS[table])
    waiting.add([(sql, rows, True)])
    return [row for _, row in waiting.concerning(set(keys))]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (INSERT, [("a", 1, ""), ("b", 2, "")]),
        ("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?)", [("a", 1, ""), ("b", 2, "")]),
        ("UPDATE alerts SET data = ?, number = ? WHERE id = ?", [("", 1, "a"), ("", 2, "b")]),
        ("DELETE FROM alerts WHERE id = ?", [("a",), ("b",)]),
    ],
)
def test_of_a_statement_about_one_row_each_only_those_of_the_rows_are_repeated(
    sql: str, rows: list[tuple[Any, ...]]
) -> None:
    assert repeated(sql, rows, ("alerts", "b")) == [rows[1]]
    assert repeated(sql, rows, ("tokens", "b")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM tokens WHERE device = ?",
        "UPDATE tokens SET revoked_s = 1 WHERE device = ? OR id = ?",
        "UPDATE tokens SET revoked_s = 1 WHERE device = ? AND id = ?",
        "UPDATE tokens SET label = (SELECT label FROM tokens WHERE id = ?) WHERE id = ?",
        "INSERT INTO tokens (label, id) VALUES (?, ?)",
        "INSERT INTO tokens SELECT * FROM tokens WHERE id = ?",
        "UPDATE tokens SET revoked_s = 1 WHERE id IN (?, ?)",
    ],
)
def test_a_statement_that_may_change_other_rows_is_repeated_whole(sql: str) -> None:
    assert repeated(sql, [("a", "b")], ("tokens", "z")) == [("a", "b")]


def test_what_is_confirmed_is_not_repeated_and_the_others_come_in_their_order() -> None:
    waiting = Unconfirmed(lambda table: KEYS[table])
    waiting.add([(INSERT, ("a", number, ""), False) for number in range(4)])
    for _ in waiting.confirm(2):
        pass

    assert [row for _, row in waiting.concerning({("alerts", "a")})] == [("a", 2, ""), ("a", 3, "")]
