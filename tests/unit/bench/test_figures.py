"""Figures: medians, ratios, goals, tables, and the comparison with the journal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench.case import at_least, at_most
from bench.cases.messages_tables import tables_of
from bench.gateway import Gateway, compare
from bench.machine import busy_note
from bench.samples import ratios, spread, summarise
from bench.tables import ResultTable, as_markdown, show
from darvaz.gateway.journal.writer import Journal
from tests.support.databases import open_journal

SENT = {("<", "ping"): 3, (">", "pong"): 3}


def test_the_median_comes_with_the_extremes() -> None:
    figures = summarise([3.0, 1.0, 9.0])

    assert figures == {"median": 3.0, "min": 1.0, "max": 9.0, "values": [3.0, 1.0, 9.0]}
    assert spread(figures) == 8 / 3


def test_ratio_is_taken_round_by_round() -> None:
    # The second round was slow for both: the medians' ratio would be 1.5.
    assert ratios(summarise([20.0, 3.0, 30.0]), summarise([10.0, 1.0, 15.0]))["median"] == 2.0


def test_a_round_in_which_the_other_did_nothing_is_left_out() -> None:
    assert ratios(summarise([20.0, 3.0]), summarise([10.0, 0.0]))["values"] == [2.0]
    assert ratios(summarise([20.0]), summarise([0.0]))["median"] == 0.0


def test_goals_are_met_at_their_limit_and_unknown_without_a_figure() -> None:
    assert at_least("speed", 3, 3.0).is_met is True
    assert at_least("speed", 3, 2.99).is_met is False
    assert at_most("memory", 12, "KB", 12.0).is_met is True
    assert at_most("memory", 12, "KB", 12.01).is_met is False
    assert at_most("memory", 12, "KB", None).is_met is None


def test_table_is_the_same_in_the_terminal_and_in_markdown() -> None:
    table = ResultTable("Speed", ("server", "rate"), [("a [b]", "1"), ("c|d", "2")], ["a note"], {0})
    console = Console(file=io.StringIO(), width=60)

    show(console, table)

    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert all(word in printed for word in ("Speed", "a [b]", "c|d", "a note"))
    assert as_markdown(table) == (
        "### Speed\n\n| server | rate |\n| --- | ---: |\n| **a [b]** | **1** |\n| c\\|d | 2 |\n\n- a note\n"
    )


def test_a_load_generator_that_is_the_limit_is_named() -> None:
    row = {"workload": "ping", "in_flight": 1, "rate_per_s": summarise([10.0]), "cpu_us": summarise([1.0])}
    row |= {"p50_us": summarise([1.0]), "p99_us": summarise([1.0]), "server_share": summarise([0.5])}
    rows = [
        {**row, "server": "slow", "title": "slow server", "load_share": summarise([0.5])},
        {**row, "server": "quick", "title": "quick server", "load_share": summarise([0.95])},
    ]

    (table,) = tables_of({"links": 1, "rows": rows, "skipped": {"broker": "it is not installed"}})

    assert table.notes == [
        "quick server: the load generator was the limit (95% of its core)",
        "broker: skipped, it is not installed",
    ]


def test_a_busy_machine_is_reported() -> None:
    assert busy_note(0.1) is None
    assert "busy" in str(busy_note(3.0))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that never runs."""
    made = Gateway(tmp_path / "gateway", None, 0)
    yield made
    made.close()


def write_journal(gateway: Gateway, *rows: tuple[str, str, str]) -> None:
    journal = Journal(lambda: open_journal(gateway.data))
    journal.open()
    for direction, type_, payload in rows:
        journal.record("bench-0", "pico", "127.0.0.1", direction, type_, payload)
    assert journal.close()


def test_a_journal_with_every_row_is_complete(gateway: Gateway) -> None:
    rows = [*[("<", "ping", "")] * 3, *[(">", "pong", "")] * 3, ("=", "connected", "")]

    write_journal(gateway, *rows)

    check = compare(gateway, SENT)

    assert check.sentence() == "complete"


def test_missing_rows_that_the_journal_reports_are_accounted_for(gateway: Gateway) -> None:
    rows = [*[("<", "ping", "")] * 3, (">", "pong", ""), ("=", "gap", "2 rows are missing: the disk could not keep up")]

    write_journal(gateway, *rows)

    check = compare(gateway, SENT)

    assert check.is_accounted_for
    assert check.sentence() == "33.3% in reported gaps"


def test_missing_rows_that_the_journal_does_not_report_are_in_capitals(gateway: Gateway) -> None:
    write_journal(gateway, *[("<", "ping", "")] * 3, (">", "pong", ""))

    check = compare(gateway, SENT)

    assert not check.is_accounted_for
    assert check.sentence() == "2 of 6 LOST, 0 reported as gaps"


def test_duplicate_rows_are_in_capitals(gateway: Gateway) -> None:
    write_journal(gateway, *[("<", "ping", "")] * 4, *[(">", "pong", "")] * 3)

    check = compare(gateway, SENT)

    assert check.sentence() == "1 ROWS TOO MANY of 6"
