"""What a failed test's report says of the board: its traceback, its last words, and what its camera saw."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from darvaz.pytest_plugin.board import ONLINE, TIMED_OUT, Board
from darvaz.pytest_plugin.errors import BenchError, BoardError, CommandFailed
from darvaz.pytest_plugin.expectations import TRACEBACK, LogLine
from darvaz.text.terminal import visible

LINES_MAX = 40
# A command's refusal overtakes the log line with its traceback.
TRACEBACK_DEADLINE_S = 1.0
SNAPSHOT_DEADLINE_S = 10.0
_POLL_S = 0.05
# What the gateway knows of a device that may explain a failure.
_TOLD = ("kind", "board", "version", "ip", "reset_cause", "rssi_dbm")


@dataclass(slots=True)
class Findings:
    """What there is to say: sections of a report by title, and properties of its JUnit XML by name."""

    sections: list[tuple[str, str]] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)

    def add(self, title: str, name: str, text: str) -> None:
        """Adds a text to both, if there is any."""
        if text:
            self.sections.append((title, text))
            self.properties.append((name, text))


def examine(board: Board, error: BaseException | None, picture: Path) -> Findings:
    """Returns what can be found out now; what cannot is said in its place, and nothing is raised for it.

    `picture` is where a snapshot goes, if the board has a camera and is online.
    """
    findings = Findings()
    about = _ask(board, findings)
    lines = _hear(board, error, findings)
    is_hanging = isinstance(error, CommandFailed) and error.code == TIMED_OUT
    is_online = board.state(about) == ONLINE and not is_hanging
    hung_at = _find_hanging(board) if is_hanging else ""
    serial = _listen_in(board)
    findings.add(f"traceback of {board.id}", "device_traceback", hung_at or _last_traceback(lines, serial))
    findings.add(f"log of {board.id}", "device_log", _text(lines[-LINES_MAX:]))
    if not lines or not is_online:
        findings.add(f"serial port of {board.id}", "device_serial", "\n".join(serial[-LINES_MAX:]))
    if is_online and "snapshot" in about.get("commands", {}):
        _look(board, picture, findings)
    return findings


def _ask(board: Board, findings: Findings) -> dict[str, Any]:
    try:
        about = board.about()
    except BoardError as trouble:
        findings.add("device", "device", f"{board.id}: {trouble}")
        return {}
    words = ", ".join(f"{name} {about[name]}" for name in _TOLD if about.get(name) is not None)
    findings.add("device", "device", visible(f"{board.id} {board.state(about)}: {words}".removesuffix(": ")))
    return about


def _hear(board: Board, error: BaseException | None, findings: Findings) -> list[LogLine]:
    give_up = time.monotonic() + TRACEBACK_DEADLINE_S
    is_due = isinstance(error, CommandFailed) and error.code == "refused_by_board"
    try:
        board.listen()
        while is_due and time.monotonic() < give_up and not any(TRACEBACK in x.text for x in board.log_lines()):
            time.sleep(_POLL_S)
            board.listen()
    except (BoardError, BenchError) as trouble:
        findings.add(f"log of {board.id}: is not complete", "device_log_trouble", str(trouble))
    return board.log_lines()


def _find_hanging(board: Board) -> str:
    """Returns where a program was that answered nothing; it ends."""
    before = len(_listen_in(board))
    give_up = time.monotonic() + TRACEBACK_DEADLINE_S
    try:
        board.interrupt()
    except BoardError:
        return ""
    while not (found := _last_traceback([], _listen_in(board)[before:])) and time.monotonic() < give_up:
        time.sleep(_POLL_S)
    # The first piece of it that is seen may not be all.
    time.sleep(_POLL_S)
    return _last_traceback([], _listen_in(board)[before:]) if found else ""


def _listen_in(board: Board) -> list[str]:
    try:
        return [visible(line) for line in board.serial_lines() if line.strip()]
    except (BoardError, BenchError, OSError):
        return []


def _last_traceback(lines: list[LogLine], serial: list[str]) -> str:
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


def _text(lines: list[LogLine]) -> str:
    """Returns the log; of tracebacks only the last is wanted, and has a section of its own."""
    return "\n".join(str(x) if TRACEBACK not in x.text else f"{str(x).split(chr(10))[0]} (traceback)" for x in lines)


def _look(board: Board, picture: Path, findings: Findings) -> None:
    try:
        data = board.gateway.snapshot(board.id, SNAPSHOT_DEADLINE_S)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(data)
    except (BoardError, BenchError) as trouble:
        findings.add(f"snapshot of {board.id}", "snapshot_trouble", str(trouble))
    except OSError as trouble:
        findings.add(f"snapshot of {board.id}", "snapshot_trouble", f"{picture}: {trouble.strerror}")
    else:
        findings.add(f"snapshot of {board.id}", "snapshot", str(picture))
