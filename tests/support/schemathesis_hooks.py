"""What schemathesis loads before a run: Hypothesis makes what generates the texts of a pattern in a tenth of the time.

The pattern of a device id leaves out 140,000 characters, which Hypothesis takes one by one, twenty times in a run: two
thirds of its processor time. The texts that are generated stay the same.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis.internal.intervalsets import IntervalSet
from hypothesis.strategies._internal import regex


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


def install() -> None:
    """Replaces both in this process."""
    regex.CharactersBuilder = QuickCharactersBuilder  # type: ignore[misc]
    IntervalSet.from_string = joined  # type: ignore[method-assign,assignment]


install()
