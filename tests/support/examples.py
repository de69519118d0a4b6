"""How many random examples a property is tried with: some in each run, many more when one looks for a fault.

`DARVAZ_EXAMPLES=20 make check ARGS=tests/unit/websocket` tries twenty times as many.
"""

from __future__ import annotations

import os

from hypothesis import settings

TIMES = float(os.environ.get("DARVAZ_EXAMPLES", "1"))


def examples(count: int) -> settings:
    """Returns the decorator of a test that is tried with so large a number of examples, times `DARVAZ_EXAMPLES`."""
    return settings(max_examples=max(1, round(count * TIMES)), deadline=None)
