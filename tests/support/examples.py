"""How often a test tries something: some times in each run, many more when one looks for a fault.

`DARVAZ_EXAMPLES=20 make check ARGS=tests/unit/websocket` tries twenty times as often.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis import settings

TIMES = float(os.environ.get("DARVAZ_EXAMPLES", "1"))


def scaled(count: int) -> int:
    """Returns the number of times, at least one."""
    return max(1, round(count * TIMES))


def examples(count: int) -> settings:
    """Returns the decorator of a property that is tried with a number of random examples."""
    # Late: loading it takes longer than many a test.
    from hypothesis import settings

    return settings(max_examples=scaled(count), deadline=None)
