"""Entries of the journal as lines of a file, JSON or CSV, made from whole groups: what they share is made once."""

from __future__ import annotations

import csv
import functools
import io
import re
import sqlite3
from datetime import UTC, datetime

import msgspec

from darvaz.gateway.journal.batches import AnyGroup, fields_of
from darvaz.gateway.journal.journal_row import answer
from darvaz.gateway.journal.queries import JournalFilter, Row, Stretch, matches, read_stretch
from darvaz.text.json_lines import one_line
from darvaz.text.terminal import visible

FORMATS = ("jsonl", "csv")

_WORDS = {"<": "received", ">": "sent", "=": "state"}
_COLUMNS = ("id", "time", "device", "kind", "address", "direction", "type", "payload", "happened")
# Spreadsheets take a cell that starts with one of these as a formula (OWASP, "CSV Injection").
_CELL_START = re.compile(r"""(;["'\s]*)([=+\-@＝＋－＠])""")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Of these, what is printable and ASCII; and the beginning of an empty text is of no harm.
_FORMULA_START = frozenset("=+-@")
_ID_MAX = 2**63
# What follows a second.
_MILLISECONDS = [f".{number:03d}+00:00" for number in range(1000)]


def head(format_: str) -> bytes:
    """Returns what a file begins with."""
    if format_ == "jsonl":
        return b""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(_COLUMNS)
    # Without the byte order mark, spreadsheets assume a local encoding, which destroys Persian text.
    return "\ufeff".encode() + line.getvalue().encode()


def read_piece(connection: sqlite3.Connection, wanted: JournalFilter, format_: str) -> tuple[bytes, int | None]:
    """Returns the next entries as lines, and up to which one the journal was read; None at its end."""
    stretch = read_stretch(connection, wanted)
    return (_csv if format_ == "csv" else _jsonl)(stretch, wanted), stretch.until_id


def _jsonl(stretch: Stretch, wanted: JournalFilter) -> bytes:
    rows = (
        Row(entry_id, *fields)
        for first_id, group in stretch.groups
        for entry_id, fields in enumerate(fields_of(group), first_id)
    )
    lines = _encode_lines([answer(row) for row in rows if matches(row, wanted)])
    return one_line(lines)


_encode_lines = msgspec.json.Encoder().encode_lines


def _csv(stretch: Stretch, wanted: JournalFilter) -> bytes:
    """Returns groups as lines; here an export spends its time, so the usual entry takes no call."""
    lines: list[str] = []
    type_, direction = wanted.type, wanted.direction
    least, most = wanted.after_id or 0, wanted.before_id or _ID_MAX
    are_some_elsewhere = (wanted.device, wanted.kind, wanted.since_ms, wanted.until_ms) != (None, None, None, None)
    second = -1
    second_text = what_direction = what_type = what = ""
    groups: list[tuple[int, AnyGroup]] = stretch.groups
    for entry_id, group in groups:
        time_ms: int = group[0]
        if are_some_elsewhere and _is_elsewhere(wanted, time_ms, group[1], group[2]):
            continue
        if time_ms // 1000 != second:
            second = time_ms // 1000
            second_text = _iso_second(second)
        when: str = second_text + _MILLISECONDS[time_ms % 1000]
        whose: str = _whose(group[1], group[2], group[3])
        entries: list[AnyGroup] = group[4]
        for entry in entries:
            entry_type: str = entry[1]
            entry_direction: str = entry[0]
            is_wanted = (type_ is None or entry_type == type_) and (direction is None or entry_direction == direction)
            if is_wanted and least < entry_id < most:
                # Those that follow one another are mostly alike.
                if entry_type != what_type or entry_direction != what_direction:
                    what_type, what_direction = entry_type, entry_direction
                    what = _what(entry_direction, entry_type)
                text: str = entry[2]
                if not (text.isascii() and text.isprintable() and ";" not in text and text[:1] not in _FORMULA_START):
                    text = _harmless(text)
                text = text.replace('"', '""')
                happened: str = when if len(entry) == 3 else _iso(time_ms - entry[3])
                lines.append(f'"{entry_id}","{when}",{whose},{what},"{text}","{happened}"\r\n')
            entry_id += 1
    return "".join(lines).encode()


def _is_elsewhere(wanted: JournalFilter, time_ms: int, device: str | None, kind: str | None) -> bool:
    return (
        (wanted.device is not None and wanted.device != device)
        or (wanted.kind is not None and wanted.kind != kind)
        or (wanted.since_ms is not None and time_ms < wanted.since_ms)
        or (wanted.until_ms is not None and time_ms >= wanted.until_ms)
    )


def _iso(time_ms: int) -> str:
    return _iso_second(time_ms // 1000) + _MILLISECONDS[time_ms % 1000]


@functools.lru_cache(maxsize=64)
def _iso_second(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _harmless(text: str) -> str:
    """Returns a text that is neither a formula to a spreadsheet nor a control sequence to a terminal."""
    shown = visible(text)
    if text.startswith(_FORMULA_STARTS) or shown.startswith(_FORMULA_STARTS):
        shown = "'" + shown
    # Spreadsheets of half of Europe split at `;`: what follows one, and quotes behind it, is a cell of its own.
    return _CELL_START.sub(r"\1'\2", shown)


def _cell(text: str) -> str:
    """Returns a text as a cell (RFC 4180)."""
    return '"' + _harmless(text).replace('"', '""') + '"'


# Names of devices, addresses and types come again and again.
@functools.lru_cache(maxsize=4096)
def _whose(device: str | None, kind: str | None, address: str) -> str:
    return f"{_cell(device or '')},{_cell(kind or '')},{_cell(address)}"


@functools.lru_cache(maxsize=1024)
def _what(direction: str, type_: str) -> str:
    return f"{_cell(_WORDS.get(direction, direction))},{_cell(type_)}"
