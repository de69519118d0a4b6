"""What the report of a failed test shows of the board: its traceback, its last lines, and a frame of its camera."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from darvaz.boards.parts import PartFailure
from darvaz.client.types import DeviceInfo
from darvaz.pytest_plugin.board import ONLINE, TIMED_OUT, Board
from darvaz.pytest_plugin.errors import BenchError, BoardCommandFailed, BoardError
from darvaz.pytest_plugin.expectations import TRACEBACK, DeviceLine
from darvaz.text.terminal import visible

LINES_MAX = 40
# The refusal of a command can arrive before the log line with the traceback.
TRACEBACK_DEADLINE_S = 1.0
SNAPSHOT_DEADLINE_S = 10.0
_POLL_S = 0.05
# Facts about a device that may explain a failure.
_FACTS = ("kind", "board", "version", "ip", "reset_cause", "rssi_dbm")


@dataclass(slots=True)
class Report:
    """Sections of a report by title, and properties of its JUnit XML by name."""

    sections: list[tuple[str, str]] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)

    def add(self, title: str, name: str, text: str) -> None:
        """Adds a text to both, unless it is empty."""
        if text:
            self.sections.append((title, text))
            self.properties.append((name, text))


def examine(board: Board, error: BaseException | None, picture: Path) -> Report:
    """Returns what can be found out now; a failure to find something out is a part of the report, and not raised.

    `picture` is where a snapshot goes, if the board has a camera and is online.
    """
    report = Report()
    about = _describe_device(board, report)
    lines = _read_log(board, error, report)
    is_hanging = isinstance(error, BoardCommandFailed) and error.code == TIMED_OUT
    is_online = board.state(about) == ONLINE and not is_hanging
    hung_at = _find_hanging_place(board) if is_hanging else ""
    serial = _serial_lines(board)
    report.add(f"traceback of {board.id}", "device_traceback", hung_at or _last_traceback(lines, serial))
    report.add("parts of the test", "part_failures", describe_parts(board.take_part_failures()))
    report.add(f"log of {board.id}", "device_log", _text(lines[-LINES_MAX:]))
    if not lines or not is_online:
        report.add(f"serial port of {board.id}", "device_serial", "\n".join(serial[-LINES_MAX:]))
    if is_online and "snapshot" in about.get("commands", {}):
        _save_snapshot(board, picture, report)
    return report


def _describe_device(board: Board, report: Report) -> DeviceInfo:
    try:
        about = board.about()
    except BoardError as failure:
        report.add("device", "device", f"{board.id}: {failure}")
        return cast(DeviceInfo, {})
    known: Mapping[str, object] = about
    words = ", ".join(f"{name} {known[name]}" for name in _FACTS if known.get(name) is not None)
    report.add("device", "device", visible(f"{board.id} {board.state(about)}: {words}".removesuffix(": ")))
    return about


def _read_log(board: Board, error: BaseException | None, report: Report) -> list[DeviceLine]:
    give_up_s = time.monotonic() + TRACEBACK_DEADLINE_S
    is_due = isinstance(error, BoardCommandFailed) and error.code == "refused_by_board"
    try:
        board.update()
        while is_due and time.monotonic() < give_up_s and not any(TRACEBACK in x.text for x in board.log_lines()):
            time.sleep(_POLL_S)
            board.update()
    except (BoardError, BenchError) as failure:
        report.add(f"log of {board.id}: is not complete", "device_log_trouble", str(failure))
    return board.log_lines()


def _find_hanging_place(board: Board) -> str:
    """Returns the traceback of a program that hangs; this ends it."""
    before = len(_serial_lines(board))
    give_up_s = time.monotonic() + TRACEBACK_DEADLINE_S
    try:
        board.interrupt()
    except BoardError:
        return ""
    while not (found := _last_traceback([], _serial_lines(board)[before:])) and time.monotonic() < give_up_s:
        time.sleep(_POLL_S)
    # What arrived may not be all of it.
    time.sleep(_POLL_S)
    return _last_traceback([], _serial_lines(board)[before:]) if found else ""


def _serial_lines(board: Board) -> list[str]:
    try:
        return [visible(line) for line in board.serial_lines() if line.strip()]
    except (BoardError, BenchError, OSError):
        return []


def describe_parts(failures: Iterable[PartFailure]) -> str:
    """Returns what went wrong in parts of a test, with the lines of the test that raised it."""
    lines = []
    for failure in failures:
        lines.append(str(failure))
        for frame in traceback.extract_tb(failure.error.__traceback__):
            lines.append(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}')
    return "\n".join(map(visible, lines))


def _last_traceback(lines: list[DeviceLine], serial: list[str]) -> str:
    for line in reversed(lines):
        if TRACEBACK in line.text:
            return "\n".join(map(visible, line.text.split("\n")))
    starts = [at for at, line in enumerate(serial) if TRACEBACK in line]
    if not starts:
        return ""
    # Indented lines, and the error itself.
    after = serial[starts[-1] + 1 :]
    length = next((at + 1 for at, line in enumerate(after) if not line.startswith(" ")), len(after))
    return "\n".join([TRACEBACK + ":", *after[:length]])


def _text(lines: list[DeviceLine]) -> str:
    """Returns the log without tracebacks: the last one has a section of its own."""
    return "\n".join(str(x) if TRACEBACK not in x.text else f"{str(x).split(chr(10))[0]} (traceback)" for x in lines)


def _save_snapshot(board: Board, picture: Path, report: Report) -> None:
    try:
        data = board.gateway.snapshot(board.id, SNAPSHOT_DEADLINE_S)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(data)
    except (BoardError, BenchError) as failure:
        report.add(f"snapshot of {board.id}", "snapshot_trouble", str(failure))
    except OSError as failure:
        report.add(f"snapshot of {board.id}", "snapshot_trouble", f"{picture}: {failure.strerror}")
    else:
        report.add(f"snapshot of {board.id}", "snapshot", str(picture))
