"""What tests hear of a device: lines and values since the test began, each found once, in order, within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from darvaz.pytest_plugin.errors import NotSeenError
from darvaz.pytest_plugin.expectations import LINES_MAX, VALUES_MAX, Hearing


class Journal:
    """Rows as the gateway gives them."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def log(self, text: str, level: str = "info") -> None:
        self.add("log", {"type": "log", "level": level, "message": text})

    def measure(self, **values: float | str | bool) -> None:
        self.add("telemetry", {"type": "telemetry", "values": values})

    def add(self, type_: str, message: dict[str, Any], direction: str = "<") -> None:
        payload = json.dumps(message)
        row = {"id": len(self.rows) + 1, "time": 1.5, "direction": direction, "type": type_, "payload": payload}
        self.rows.append(row)

    def after(self, row_id: int) -> list[dict[str, Any]]:
        return self.rows[row_id : row_id + 1000]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def hearing(journal: Journal) -> Hearing:
    return Hearing(journal.after, 0)


def test_line_is_found_by_its_pattern(journal: Journal, hearing: Hearing) -> None:
    journal.log("pump: on for 3 s")

    assert hearing.expect_line(r"pump: on for \d+ s", 0) == "pump: on for 3 s"


def test_each_line_is_found_once(journal: Journal, hearing: Hearing) -> None:
    journal.log("tick")

    hearing.expect_line("tick", 0)

    with pytest.raises(NotSeenError):
        hearing.expect_line("tick", 0)


def test_line_before_the_one_that_was_found_is_gone(journal: Journal, hearing: Hearing) -> None:
    journal.log("first")
    journal.log("second")

    hearing.expect_line("second", 0)

    with pytest.raises(NotSeenError):
        hearing.expect_line("first", 0)


def test_what_was_said_before_the_test_is_forgotten(journal: Journal, hearing: Hearing) -> None:
    journal.log("of the test before")
    journal.measure(moisture=7)
    hearing.begin()

    with pytest.raises(NotSeenError, match="the device logged nothing since the test began"):
        hearing.expect_line("of the test before", 0)
    with pytest.raises(NotSeenError, match="the device reported no values meanwhile"):
        hearing.expect_reading("moisture", lambda value: True, "", 0)


def test_failure_shows_the_lines_that_came_instead(journal: Journal, hearing: Hearing) -> None:
    journal.log("pump: dry", "warning")

    with pytest.raises(NotSeenError, match=r"(?s)no log line 'wet' in 0 s; .*warning: pump: dry"):
        hearing.expect_line("wet", 0)


def test_line_that_would_move_the_cursor_is_shown_harmless(journal: Journal, hearing: Hearing) -> None:
    journal.log("\x1b[2Jgone")

    with pytest.raises(NotSeenError, match=r"\\x1b\[2Jgone"):
        hearing.expect_line("wet", 0)


def test_value_is_found_by_name_and_wish(journal: Journal, hearing: Hearing) -> None:
    journal.measure(moisture=7, light=1)
    journal.measure(moisture=9)

    assert hearing.expect_reading("moisture", lambda value: float(value) > 8, " above 8", 0) == 9


def test_failure_shows_the_values_that_came_instead(journal: Journal, hearing: Hearing) -> None:
    journal.measure(moisture=7)
    journal.measure(moisture=8)

    with pytest.raises(NotSeenError, match="no moisture above 9 in 0 s; values of moisture were: 7, 8"):
        hearing.expect_reading("moisture", lambda value: float(value) > 9, " above 9", 0)


def test_failure_shows_the_names_there_are(journal: Journal, hearing: Hearing) -> None:
    journal.measure(moisture=7, light=1)

    with pytest.raises(NotSeenError, match="the device reported light, moisture"):
        hearing.expect_reading("moisturr", lambda value: True, "", 0)


def test_what_the_gateway_said_is_not_heard(journal: Journal, hearing: Hearing) -> None:
    journal.add("log", {"message": "tick"}, direction=">")

    with pytest.raises(NotSeenError):
        hearing.expect_line("tick", 0)


def test_payload_that_the_journal_cut_is_passed_over(journal: Journal, hearing: Hearing) -> None:
    journal.log("before")
    journal.rows.append(journal.rows[0] | {"id": 2, "payload": '{"message": "x…'})
    journal.log("after")

    assert hearing.expect_line("after", 0) == "after"


def test_only_the_last_lines_and_values_are_kept(journal: Journal, hearing: Hearing) -> None:
    for number in range(LINES_MAX + 1):
        journal.log(f"line {number}")
    for number in range(VALUES_MAX + 1):
        journal.measure(count=number)

    hearing.listen()

    assert [line.text for line in hearing.lines()][:: LINES_MAX - 1] == ["line 1", f"line {LINES_MAX}"]
    assert [reading.value for reading in hearing.readings()][:: VALUES_MAX - 1] == [1, VALUES_MAX]
