"""The gateway's log: JSON lines that parse, and priorities before every line that journald reads."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from datetime import datetime
from pathlib import Path

from darvaz.gateway.log_output import LINES_WAITING_MAX, JsonFormatter, LineHandler, PriorityFormatter, is_journal
from darvaz.text.terminal import VisibleFormatter


def record(level: int, message: str, *arguments: object, error: Exception | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("darvaz.http", level, "", 0, message, arguments, info)


def test_a_line_of_json_has_time_level_logger_and_message() -> None:
    line = json.loads(JsonFormatter().format(record(logging.WARNING, "= %s cut off", "192.0.2.1")))

    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {"level": "warning", "logger": "darvaz.http", "message": "= 192.0.2.1 cut off"}


def test_text_of_a_device_stays_on_its_line_of_json_and_controls_no_terminal() -> None:
    text = "a\nb\x1b[2J\x7f\u202ec"

    line = JsonFormatter().format(record(logging.INFO, "%s", text))

    assert line.isascii() and line.isprintable()
    assert json.loads(line)["message"] == text


def test_a_traceback_is_a_field_of_the_same_line() -> None:
    try:
        raise ValueError("wrong")
    except ValueError as error:
        line = JsonFormatter().format(record(logging.ERROR, "failed", error=error))

    assert "\n" not in line
    assert "ValueError: wrong" in json.loads(line)["exception"]


def test_every_line_for_journald_has_the_priority_of_its_level() -> None:
    formatter = PriorityFormatter(VisibleFormatter("%(message)s"))
    try:
        raise ValueError("wrong")
    except ValueError as error:
        failed = formatter.format(record(logging.ERROR, "failed", error=error))

    assert formatter.format(record(logging.DEBUG, "small")) == "<7>small"
    assert formatter.format(record(logging.INFO, "said")) == "<6>said"
    assert formatter.format(record(logging.WARNING, "mind")) == "<4>mind"
    assert formatter.format(record(logging.CRITICAL, "over")) == "<2>over"
    assert len(failed.splitlines()) > 2
    assert all(line.startswith("<3>") for line in failed.splitlines())


def test_journald_is_known_by_device_and_inode_of_the_stream(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        found = (tmp_path / "stream").stat()
        stream_id = f"{found.st_dev}:{found.st_ino}"

        assert is_journal({"JOURNAL_STREAM": stream_id}, stream.fileno())
        assert not is_journal({"JOURNAL_STREAM": stream_id}, sys.__stderr__.fileno() if sys.__stderr__ else 2)
        assert not is_journal({}, stream.fileno())


def lines_of(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


async def test_lines_of_one_turn_of_the_event_loop_are_written_at_its_end() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)

    handler.handle(record(logging.INFO, "one"))
    handler.handle(record(logging.INFO, "two"))
    within = lines_of(stream)
    await asyncio.sleep(0)

    assert (within, lines_of(stream)) == ([], ["one", "two"])


async def test_a_warning_and_a_line_of_another_thread_are_written_at_once_behind_those_that_wait() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)

    handler.handle(record(logging.INFO, "one"))
    handler.handle(record(logging.WARNING, "mind"))
    after_warning = lines_of(stream)
    handler.handle(record(logging.INFO, "two"))
    await asyncio.to_thread(handler.handle, record(logging.INFO, "elsewhere"))

    assert after_warning == ["one", "mind"]
    assert lines_of(stream) == ["one", "mind", "two", "elsewhere"]


async def test_no_more_lines_wait_than_the_limit() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)

    for _ in range(LINES_WAITING_MAX + 1):
        handler.handle(record(logging.INFO, "said"))

    assert len(lines_of(stream)) == LINES_WAITING_MAX


async def test_what_waits_is_written_when_the_log_is_closed() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)

    handler.handle(record(logging.INFO, "last"))
    handler.close()

    assert lines_of(stream) == ["last"]
