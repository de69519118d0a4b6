"""Finds the row of a path by its number of words and the first two of them, without regular expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

_T = TypeVar("_T")

_FIRST = 3


class _Pattern(Generic[_T]):
    """One path: its words, and which of them are names."""

    __slots__ = ("names", "row", "words")

    def __init__(self, words: list[str], row: _T) -> None:
        self.names = [(at, word[1:-1]) for at, word in enumerate(words) if word.startswith("{")]
        self.words = [(at, word) for at, word in enumerate(words) if at >= _FIRST and not word.startswith("{")]
        self.row = row


class PathTable(Generic[_T]):
    """Rows by paths such as `/api/devices/{device}`: a name is a whole word, and none of the first two is one."""

    def __init__(self, rows: Mapping[str, _T]) -> None:
        self._patterns: dict[tuple[int, str, str], list[_Pattern[_T]]] = {}
        for path, row in rows.items():
            words = path.split("/")
            self._patterns.setdefault(_shape_of(words), []).append(_Pattern(words, row))

    def find(self, path: str) -> tuple[_T, dict[str, str]] | None:
        """Returns the row of the first path that this is, and its names; None if it is none of them."""
        words = path.split("/")
        for pattern in self._patterns.get(_shape_of(words), ()):
            if all(words[at] == word for at, word in pattern.words):
                names = {name: words[at] for at, name in pattern.names}
                if all(names.values()):
                    return pattern.row, names
        return None


def _shape_of(words: list[str]) -> tuple[int, str, str]:
    return len(words), words[1], words[2] if len(words) > _FIRST - 1 else ""
