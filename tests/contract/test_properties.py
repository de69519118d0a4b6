"""Properties survive a busy machine: without a number of examples they would have Hypothesis' deadline of 200 ms."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
# The decorators above a property.
_ABOVE = re.compile(r"((?:^@.*\n)*)^@given\b", re.MULTILINE)


def test_every_property_says_how_many_examples_are_tried() -> None:
    without = [
        f"{path.relative_to(TESTS)}: {text[: found.start()].count(chr(10)) + 1}"
        for path in TESTS.rglob("test_*.py")
        if "@given" in (text := path.read_text(encoding="utf-8"))
        for found in _ABOVE.finditer(text)
        if "@examples(" not in found[1] and "@settings(" not in found[1]
    ]

    assert without == []
