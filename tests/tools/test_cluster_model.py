"""The model of a cluster's size: its page is what is computed, and it does not promise what one core cannot do."""

from __future__ import annotations

from bench.cluster_model import FULL, OTHER_S, PAGE, Size, renewed, smallest


def test_the_page_has_the_table_as_it_is_computed() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert renewed(page) == page, "run: python -m bench.cluster_model --write"


def test_more_gateways_carry_more_links_and_no_more_entries() -> None:
    few, many = Size(20_000, 10.0, 2), Size(20_000, 10.0, 20)

    assert many.links == few.links / 10 and many.reports_per_s == few.reports_per_s
    assert many.core > few.core * 0.9
    assert smallest(int(FULL / OTHER_S * 1.2), 1.0) is None
