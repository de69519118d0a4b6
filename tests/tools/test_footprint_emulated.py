"""What `micropython.mem_info(1)` prints is read as blocks, and the limits of the heap are kept to the byte."""

from __future__ import annotations

import pytest

from tools.footprint_emulated import (
    HEAP_FREE_BYTES_LEAST,
    HEAP_USED_BYTES_MAX,
    Footprint,
    is_within,
    largest_held,
)

LAYOUT = """stack: 524 out of 7936
GC: total: 205888, used: 71728, free: 134160
 No. of 1-blocks: 900, 2-blocks: 180, max blk sz: 3, max free sz: 8225
GC memory layout; from 20011000:
00000: h=hhhMDh==
00400: ==h.......
       (1 lines all free)
00c00: h=.h======
01000: =.........
"""


def footprint(used_bytes: int, free_bytes: int) -> Footprint:
    return Footprint("", 0, used_bytes, free_bytes, 0, 0, 0, base_bytes=5000, modules={"darvaz.link": 6000})


def test_largest_block_is_found_across_the_ends_of_lines() -> None:
    assert largest_held(LAYOUT) == 16 * 8


@pytest.mark.parametrize(
    ("used_bytes", "free_bytes", "is_kept"),
    [
        (HEAP_USED_BYTES_MAX, HEAP_FREE_BYTES_LEAST, True),
        (HEAP_USED_BYTES_MAX + 1, HEAP_FREE_BYTES_LEAST, False),
        (HEAP_USED_BYTES_MAX, HEAP_FREE_BYTES_LEAST - 1, False),
    ],
)
def test_limits_are_kept_to_the_byte(used_bytes: int, free_bytes: int, is_kept: bool) -> None:
    assert is_within(footprint(used_bytes, free_bytes)) is is_kept


def test_rest_is_what_no_module_takes() -> None:
    assert footprint(71_000, 0).rest_bytes == 60_000
