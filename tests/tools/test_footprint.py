"""The firmware keeps its limits of flash and heap; `make footprint` shows the figures."""

from __future__ import annotations

from pathlib import Path

from tools.footprint import Figure, find_least_heap, measure


def test_every_figure_keeps_its_limit(tmp_path: Path) -> None:
    over = [figure for figure in measure(tmp_path) if not figure.is_good]

    assert over == []


def test_figure_over_its_limit_is_noticed() -> None:
    assert Figure("heap", 100, "KB", 96, 100).is_good
    assert not Figure("heap", 101, "KB", 96, 100).is_good


def test_least_heap_is_found_by_halving() -> None:
    assert find_least_heap(lambda heap: heap >= 137) == 137
