"""Expectations of a test: lines and values since it began, each found once, in order, within limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from darvaz.pytest_plugin.errors import NotSeenError
from darvaz.pytest_plugin.expectations import LINES_MAX, VALUES_MAX, Expectations


class Journal:
    """Entries as the gateway gives them."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def log(self, text: str, level: str = "info") -> None:
        self.add("log", {"type": "log", "level": level, "message": text})

    def measure(self, **values: float | str | bool) -> None:
        self.add("telemetry", {"type": "telemetry", "values": values})

    def add(self, type_: str, message: dict[str, Any], direction: str = "<") -> None:
        payload = json.dumps(message)
        entry = {"id": len(self.entries) + 1, "time": 1.5, "direction": direction, "type": type_, "payload": payload}
        self.entries.append(entry)

    def after(self, entry_id: int) -> Any:
        return self.entries[entry_id : entry_id + 1000]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def expectations(journal: Journal) -> Expectations:
    return Expectations(journal.after, 0)


def test_line_is_found_by_its_pattern(journal: Journal, expectations: Expectations) -> None:
    journal.log("pump: on for 3 s")

    assert expectations.expect_line(r"pump: on for \d+ s", 0) == "pump: on for 3 s"


def test_each_line_is_found_once(journal: Journal, expectations: Expectations) -> None:
    journal.log("tick")

    expectations.expect_line("tick", 0)

    with pytest.raises(NotSeenError):
        expectations.expect_line("tick", 0)


def test_line_before_the_one_that_was_found_is_not_found(journal: Journal, expectations: Expectations) -> None:
    journal.log("first")
    journal.log("second")

    expectations.expect_line("second", 0)

    with pytest.raises(NotSeenError):
        expectations.expect_line("first", 0)


def test_what_was_reported_before_the_test_is_ignored(journal: Journal, expectations: Expectations) -> None:
    journal.log("of the test before")
    journal.measure(moisture=7)
    expectations.begin()

    with pytest.raises(NotSeenError, match="the device logged nothing since the test began"):
        expectations.expect_line("of the test before", 0)
    with pytest.raises(NotSeenError, match="the device reported no values meanwhile"):
        expectations.expect_value("moisture", lambda value: True, "", 0)


def test_failure_shows_the_lines_that_arrived_instead(journal: Journal, expectations: Expectations) -> None:
    journal.log("pump: dry", "warning")

    with pytest.raises(NotSeenError, match=r"(?s)no log line 'wet' in 0 s; .*warning: pump: dry"):
        expectations.expect_line("wet", 0)


def test_line_that_would_move_the_cursor_is_escaped(journal: Journal, expectations: Expectations) -> None:
    journal.log("\x1b[2Jgone")

    with pytest.raises(NotSeenError, match=r"\\x1b\[2Jgone"):
        expectations.expect_line("wet", 0)


def test_value_is_found_by_name_and_condition(journal: Journal, expectations: Expectations) -> None:
    journal.measure(moisture=7, light=1)
    journal.measure(moisture=9)

    assert expectations.expect_value("moisture", lambda value: float(value) > 8, " above 8", 0) == 9


def test_failure_shows_the_values_that_arrived_instead(journal: Journal, expectations: Expectations) -> None:
    journal.measure(moisture=7)
    journal.measure(moisture=8)

    with pytest.raises(NotSeenError, match="no moisture above 9 in 0 s; values of moisture were: 7, 8"):
        expectations.expect_value("moisture", lambda value: float(value) > 9, " above 9", 0)


def test_failure_shows_the_names_that_were_reported(journal: Journal, expectations: Expectations) -> None:
    journal.measure(moisture=7, light=1)

    with pytest.raises(NotSeenError, match="the device reported light, moisture"):
        expectations.expect_value("moisturr", lambda value: True, "", 0)


def test_what_the_gateway_sent_is_not_found(journal: Journal, expectations: Expectations) -> None:
    journal.add("log", {"message": "tick"}, direction=">")

    with pytest.raises(NotSeenError):
        expectations.expect_line("tick", 0)


def test_payload_that_the_journal_cut_is_skipped(journal: Journal, expectations: Expectations) -> None:
    journal.log("before")
    journal.entries.append(journal.entries[0] | {"id": 2, "payload": '{"message": "x…'})
    journal.log("after")

    assert expectations.expect_line("after", 0) == "after"


def test_only_the_last_lines_and_values_are_kept(journal: Journal, expectations: Expectations) -> None:
    for number in range(LINES_MAX + 1):
        journal.log(f"line {number}")
    for number in range(VALUES_MAX + 1):
        journal.measure(count=number)

    expectations.update()

    assert [line.text for line in expectations.lines()][:: LINES_MAX - 1] == ["line 1", f"line {LINES_MAX}"]
    assert [value.value for value in expectations.values()][:: VALUES_MAX - 1] == [1, VALUES_MAX]
