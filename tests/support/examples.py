"""How often a test tries something: some times in each run, many more when one looks for a fault.

`DARVAZ_EXAMPLES=20 make check ARGS=tests/unit/websocket` tries twenty times as often.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from hypothesis import settings

T = TypeVar("T")
TIMES = float(os.environ.get("DARVAZ_EXAMPLES", "1"))


def scaled(count: int) -> int:
    """Returns the number of times, at least one."""
    return max(1, round(count * TIMES))


def some(values: Sequence[T]) -> Sequence[T]:
    """Returns all of them where one looks for a fault, else the first, the one in the middle and the last."""
    return values if TIMES > 1 else [values[0], values[len(values) // 2], values[-1]]


def examples(count: int) -> settings:
    """Returns the decorator of a property that is tried with a number of random examples."""
    # Late: loading it takes longer than many a test.
    from hypothesis import settings

    return settings(max_examples=scaled(count), deadline=None)
