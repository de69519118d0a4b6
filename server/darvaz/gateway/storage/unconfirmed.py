"""Statements that the disk does not have yet, and which of them have to be repeated for some rows. No I/O."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

Statement = tuple[str, Any, bool]
"""A statement, its parameters, and whether these are a list of them."""
RowKey = tuple[str, Any]
"""A table, and the key of one of its rows."""

_INSERT = re.compile(r"INSERT (?:OR \w+ )?INTO (\w+)(?: \((\w+)[^()]*\))? VALUES \(\?")
_BY_KEY = re.compile(r"(?:UPDATE (\w+) SET|DELETE FROM (\w+)) (?:(?!WHERE|SELECT).)*WHERE (\w+) = \?$", re.DOTALL)


class Unconfirmed:
    """The statements, the oldest first; `key_of` returns the first column of a table, which is its key."""

    def __init__(self, key_of: Callable[[str], str]) -> None:
        self._key_of = key_of
        self._statements: deque[Statement] = deque()
        # Statement → its table, and which parameter is the key of the only row that it changes.
        self._places: dict[str, tuple[str, int] | None] = {}

    def __len__(self) -> int:
        return len(self._statements)

    def add(self, statements: Iterable[Statement]) -> None:
        self._statements.extend(statements)

    def confirm(self, count: int) -> Iterator[None]:
        """Takes out the oldest, one with each step: they are on the disk."""
        for _ in range(count):
            self._statements.popleft()
            yield

    def concerning(self, keys: Collection[RowKey]) -> Iterator[tuple[str, Any]]:
        """Yields what may have changed one of these rows, with the parameters of one row each."""
        for sql, parameters, is_many in self._statements:
            key_place = self._place_of(sql)
            for row in parameters if is_many else [parameters]:
                if key_place is None or (key_place[0], row[key_place[1]]) in keys:
                    yield sql, row

    def _place_of(self, sql: str) -> tuple[str, int] | None:
        if sql not in self._places:
            self._places[sql] = self._find_place(sql)
        return self._places[sql]

    def _find_place(self, sql: str) -> tuple[str, int] | None:
        inserted, by_key = _INSERT.match(sql), _BY_KEY.match(sql)
        if inserted is not None and inserted[2] in (None, self._key_of(inserted[1])):
            return inserted[1], 0
        if by_key is not None:
            table = by_key[1] or by_key[2]
            return (table, -1) if by_key[3] == self._key_of(table) else None
        return None
