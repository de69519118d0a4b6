"""Text of other programs cannot control the terminal that shows it, and stays readable."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.text.terminal import VisibleFormatter, visible, visible_json
from tests.support.examples import examples

HIDDEN = ("Cc", "Cf", "Zl", "Zp", "Cs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\r\n\x07\t", "\\x1b[2J\\x0d\\x0a\\x07\\x09"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("a\u2028b", "a\\u2028b"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("می‌خواهم 25 °C", "می‌خواهم 25 °C"),
        ("", ""),
    ],
)
def test_control_and_invisible_characters_are_escaped_and_no_others(text: str, shown: str) -> None:
    assert visible(text) == shown


@examples(60)
@given(st.text())
def test_a_visible_text_has_no_control_or_invisible_characters(text: str) -> None:
    left = {char for char in visible(text) if unicodedata.category(char) in HIDDEN}

    assert left <= {"\u200c"}


@examples(25)
@given(st.recursive(st.text() | st.integers() | st.booleans(), lambda inner: st.dictionaries(st.text(), inner)))
def test_visible_json_reads_back_unchanged_and_has_no_hidden_characters(value: object) -> None:
    text = visible_json(value, indent=2)

    assert json.loads(text) == value
    assert {char for char in text if unicodedata.category(char) in HIDDEN} <= {"\n", "\u200c"}


def test_a_log_message_with_a_line_break_is_one_line_and_its_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("twice\nbroken")
    except ValueError:
        trouble = sys.exc_info()
    record = logging.LogRecord("darvaz", logging.INFO, __file__, 1, "= %s", ("a\n> forged\x1b[0m",), trouble)

    shown = VisibleFormatter("%(levelname)s %(message)s").format(record)

    first, *rest = shown.split("\n")
    assert first == "INFO = a\\x0a> forged\\x1b[0m"
    assert rest[0].startswith("Traceback")


def test_a_traceback_that_another_library_logs_as_its_message_keeps_its_lines() -> None:
    record = logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "Traceback\n  line \x1b[2J\n", (), None)

    assert VisibleFormatter("%(message)s").format(record) == "Traceback\n  line \\x1b[2J"


@pytest.mark.parametrize("form", ["%(message)s", "%(asctime)s %(levelname)s %(message)s", "%(levelname)s: %(message)s"])
@pytest.mark.parametrize(
    ("logger", "message"), [("darvaz.link", "= %s"), ("uvicorn.error", "one %s\n"), ("darvazx", "%s")]
)
def test_a_line_is_that_of_pythons_own_formatter(form: str, logger: str, message: str) -> None:
    record = logging.LogRecord(logger, logging.WARNING, __file__, 1, message, ("shed",), None)
    expected = logging.Formatter(form).format(record).rstrip()

    assert VisibleFormatter(form).format(record) == expected
