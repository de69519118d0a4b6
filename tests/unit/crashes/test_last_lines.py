"""The last lines of each board's log: as many, as long and of as many boards as are kept."""

from __future__ import annotations

from types import SimpleNamespace

from darvaz.gateway.crashes.last_lines import DEVICES_MAX, LINE_CHARS_MAX, LINES_MAX, LastLines


def say(lines: LastLines, device: str | None, text: str) -> None:
    lines.receive("log", device, SimpleNamespace(message=text), 0.0)


def test_the_first_line_of_each_of_the_newest_messages_is_kept() -> None:
    lines = LastLines()
    for number in range(LINES_MAX + 1):
        say(lines, "pump", f"line {number}\nmore")

    assert lines.of("pump") == [f"line {number}" for number in range(1, LINES_MAX + 1)]


def test_a_long_line_is_cut() -> None:
    lines = LastLines()
    say(lines, "pump", "x" * (LINE_CHARS_MAX + 1))

    assert lines.of("pump") == ["x" * LINE_CHARS_MAX]


def test_beyond_the_most_devices_the_first_one_is_forgotten() -> None:
    lines = LastLines()
    for number in range(DEVICES_MAX + 1):
        say(lines, f"pump-{number}", "ready")

    assert (lines.of("pump-0"), lines.of("pump-1"), lines.of(f"pump-{DEVICES_MAX}")) == ([], ["ready"], ["ready"])


def test_nothing_is_kept_of_a_board_without_a_name_or_one_that_is_forgotten() -> None:
    lines = LastLines()
    say(lines, None, "hello")
    say(lines, "pump", "hello")
    lines.forget("pump")

    assert lines.of("pump") == []
