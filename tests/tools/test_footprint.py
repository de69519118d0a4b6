"""The firmware stays below its limits of flash and heap; `make footprint` shows the figures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tools.footprint import (
    FLASH_KB_MOST,
    LOADER_KB_MOST,
    ON_DEMAND_KB_MOST,
    Figure,
    deployed_bytes,
    find_least_heap,
    loader_bytes,
    measure,
)


@pytest.mark.slow
def test_every_figure_is_below_its_limit() -> None:
    # The path of the flash is in the heap before all else: a longer one moves the figure by some KB.
    with tempfile.TemporaryDirectory(prefix="darvaz-footprint-") as folder:
        over = [figure for figure in measure(Path(folder), limits_only=True) if not figure.is_good]

    assert over == []


def test_the_library_fits_into_its_part_of_the_flash() -> None:
    assert deployed_bytes() <= FLASH_KB_MOST * 1024
    assert deployed_bytes(is_on_demand=True) <= ON_DEMAND_KB_MOST * 1024


def test_the_loader_fits_into_its_part_of_the_flash() -> None:
    assert loader_bytes() <= LOADER_KB_MOST * 1024


def test_a_figure_above_its_limit_is_found() -> None:
    assert Figure("heap", 100, "KB", 96, 100).is_good
    assert not Figure("heap", 101, "KB", 96, 100).is_good


def test_the_smallest_heap_is_found_by_bisection() -> None:
    assert find_least_heap(lambda heap: heap >= 137) == 137
