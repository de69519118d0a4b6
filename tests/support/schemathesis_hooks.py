"""What schemathesis loads before a run: Hypothesis makes what generates the texts of a pattern in a tenth of the time.

The pattern of a device id leaves out 140,000 characters, which Hypothesis takes one by one, a hundred times in a run:
three quarters of its processor time. The texts that are generated stay the same.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from hypothesis.internal import charmap
from hypothesis.internal.intervalsets import IntervalSet
from hypothesis.strategies import SearchStrategy
from hypothesis.strategies._internal import regex
from hypothesis.strategies._internal.lazy import unwrap_strategies

SURROGATES = (0xD800, 0xDFFF)


class QuickCharactersBuilder(regex.CharactersBuilder):
    """The characters of one class, which are compared without case only where a pattern wants that."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if not self._flags & re.IGNORECASE:
            self.add_char = self._whitelist_chars.add  # type: ignore[method-assign,assignment]


def joined(text: str) -> IntervalSet:
    """Returns the characters of a text as intervals of code points; neighbours are joined before a set is made."""
    intervals: list[tuple[int, int]] = []
    for point in sorted(map(ord, text)):
        if intervals and point <= intervals[-1][1] + 1:
            intervals[-1] = (intervals[-1][0], point)
        else:
            intervals.append((point, point))
    return IntervalSet(intervals)


def encoded_by(codec: str) -> tuple[IntervalSet, IntervalSet]:
    """Returns which characters a codec encodes, and of these which come back as others; known for UTF-8."""
    if codec != "utf-8":
        return _try_each(codec)
    first, last = SURROGATES
    return IntervalSet([(0, first - 1), (last + 1, sys.maxunicode)]), IntervalSet()


def made_once(pattern: re.Pattern[Any], *, alphabet: SearchStrategy[str] | None, **parsed: Any) -> SearchStrategy[Any]:
    """Returns what generates the texts of a pattern: the same for the same pattern and alphabet."""
    intervals = None if alphabet is None else unwrap_strategies(alphabet).intervals
    key = pattern.pattern, pattern.flags, intervals
    if key not in _made:
        _made[key] = _make(pattern, alphabet=alphabet, **parsed)
    return _made[key]


def install() -> None:
    """Replaces all of these in this process."""
    regex.CharactersBuilder = QuickCharactersBuilder  # type: ignore[misc]
    IntervalSet.from_string = joined  # type: ignore[method-assign,assignment]
    charmap.intervals_from_codec = encoded_by  # type: ignore[assignment]
    regex.base_regex_strategy = made_once  # type: ignore[assignment]


_try_each, _make = charmap.intervals_from_codec, regex.base_regex_strategy
_made: dict[Any, SearchStrategy[Any]] = {}


install()
