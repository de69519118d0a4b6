"""The journal over HTTP: page by page, or exported as a file."""

from __future__ import annotations

import asyncio
import csv
import functools
import io
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import JSON, NO_STORE, Call, Operation
from darvaz.gateway.api.types import TimeSeconds
from darvaz.gateway.http.problems import problem
from darvaz.gateway.http.streaming import Pieces, StreamedResponse
from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.journal.queries import JournalFilter, Row, newest_id, read, read_stretch
from darvaz.gateway.storage.read_pool import ReadPoolBusyError
from darvaz.text.json_lines import dump_line
from darvaz.text.terminal import visible

ROWS_MAX = 1_000
ROWS = 200
# How long an export waits where too many others read.
_BUSY_WAIT_S = 0.5

_TAG = "Journal"
_BUSY_RETRY_S = 10.0
_ID_MAX = 2**63 - 1
_WORDS = {"<": "received", ">": "sent", "=": "state"}
_COLUMNS = ("id", "time", "device", "kind", "address", "direction", "type", "payload", "happened")
# Spreadsheets take a cell that starts with one of these as a formula (OWASP, "CSV Injection").
_CELL_START = re.compile(r"""(;["'\s]*)([=+\-@＝＋－＠])""")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Dump = Callable[[list[Row]], bytes]

RowId = Annotated[int, Meta(ge=0, le=_ID_MAX)]
Text = Annotated[str, Meta(min_length=1, max_length=128)]


class EntryQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"from_s": "from", "to_s": "to"}):
    """Which entries to return."""

    device: Text | UnsetType = UNSET
    kind: Text | UnsetType = UNSET
    type: Annotated[Text, Meta(description="Of a message, or of a state: connected, refused …")] | UnsetType = UNSET
    direction: Annotated[
        Literal["<", ">", "="] | UnsetType, Meta(description="Received, sent, or a change of state.")
    ] = UNSET
    from_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] | UnsetType = (
        UNSET
    )
    to_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] | UnsetType = (
        UNSET
    )


class JournalQuery(EntryQuery, kw_only=True, forbid_unknown_fields=True):
    """Which page of the journal to return: the newest entries, or those before or after one."""

    before: Annotated[RowId, Meta(description="Only entries older than this id: `older`.")] | UnsetType = UNSET
    after: Annotated[RowId, Meta(description="The oldest entries newer than this id: `newer`.")] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = ROWS


class ExportQuery(EntryQuery, kw_only=True, forbid_unknown_fields=True):
    """Which entries to export, and the format of the file."""

    before: Annotated[RowId, Meta(description="Only entries older than this id.")] | UnsetType = UNSET
    after: Annotated[RowId, Meta(description="Only entries newer than this id.")] | UnsetType = UNSET
    format: Literal["jsonl", "csv"] = "jsonl"


class JournalRow(msgspec.Struct):
    """One entry; type and payload may hold any text that a device wrote."""

    id: int
    time: Annotated[float, Meta(description="When the gateway heard of it, in Unix seconds: the order of the journal.")]
    device: str | None
    kind: str | None
    address: str | None
    direction: Annotated[str, Meta(description="< received, > sent, = state")]
    type: str
    payload: str
    happened: Annotated[float, Meta(description="When it happened: before `time` if it waited on its board.")]


class JournalPage(msgspec.Struct):
    """Entries, the oldest first."""

    rows: list[JournalRow]
    older: Annotated[int | None, Meta(description="Value of `before` for the previous page; null at the start.")]
    newer: Annotated[int | None, Meta(description="Value of `after` for newer entries; null if there are none.")]


async def read_journal(call: Call) -> Response:
    """Returns a page of the journal."""
    query: JournalQuery = call.query
    is_forward = query.after is not UNSET
    await wait_until_written(call.parts.journal)
    wanted = _filter_of(call, query)
    page = await call.read(call.parts.reader, _read_page, wanted, query.limit, is_forward=is_forward)
    return Response(page, headers=NO_STORE, media_type=JSON)


async def export_journal(call: Call) -> Response:
    """Returns the journal as a file: one JSON object per line, or CSV."""
    query: ExportQuery = call.query
    stamp = datetime.fromtimestamp(call.parts.unix_s(), UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"Content-Disposition": f'attachment; filename="darvaz-journal-{stamp}.{query.format}"'}
    wanted = _filter_of(call, query)
    exports = call.parts.shares.exports
    if not exports.enter(call.sharer, is_operator=call.is_operator):
        return problem(503, "too_many_exports", "too many exports of this caller, or of viewers", _BUSY_RETRY_S)
    leave = functools.partial(exports.leave, call.sharer, is_operator=call.is_operator)
    if query.format == "csv":
        # Without the byte order mark, spreadsheets assume a local encoding, which destroys Persian text.
        head = "\ufeff".encode() + _table([_COLUMNS])
        return StreamedResponse(_pieces(call, wanted, _csv, head), "text/csv; charset=utf-8", headers, on_end=leave)
    return StreamedResponse(_pieces(call, wanted, _jsonl), "application/jsonl", headers, on_end=leave)


OPERATIONS = [
    Operation(
        method="GET", path="/api/journal", tag=_TAG, handle=read_journal, need=Need.VIEW,
        query=JournalQuery, answer=JournalPage, errors=(503,),
    ),
    Operation(
        method="GET", path="/api/journal/export", tag=_TAG, handle=export_journal, need=Need.VIEW,
        query=ExportQuery, answer=str, media=("application/jsonl", "text/csv"), errors=(503,),
    ),
]  # fmt: skip


def _read_page(connection: sqlite3.Connection, wanted: JournalFilter, limit: int, *, is_forward: bool) -> bytes:
    """Returns a page as JSON; in a thread, for its payloads may be megabytes."""
    rows = read(connection, wanted, limit, newest=not is_forward)
    older = rows[0].id if rows and (is_forward or len(rows) == limit) else None
    newer = rows[-1].id if rows else wanted.after_id
    return msgspec.json.encode(JournalPage([_answer(row) for row in rows], older, newer))


async def _pieces(call: Call, wanted: JournalFilter, dump: Dump, head: bytes = b"") -> Pieces:
    """Yields the entries of the time when the export began, in pieces, as long as the caller is admitted."""
    if head:
        yield head
    await wait_until_written(call.parts.journal)
    reader = call.parts.reader
    end_id = await reader.read(newest_id) + 1
    before_id = end_id if wanted.before_id is None else min(end_id, wanted.before_id)
    after_id: int | None = wanted.after_id or 0
    while after_id is not None and call.is_still_admitted():
        part = msgspec.structs.replace(wanted, after_id=after_id, before_id=before_id)
        try:
            piece, after_id = await reader.read(_read_piece, part, dump)
        except ReadPoolBusyError:
            # It was answered with 200: it goes on when others have read.
            await asyncio.sleep(_BUSY_WAIT_S)
            continue
        if piece:
            yield piece


def _read_piece(connection: sqlite3.Connection, wanted: JournalFilter, dump: Dump) -> tuple[bytes, int | None]:
    """Returns entries as they are sent, and up to which one the journal was read; in a thread, for it takes long."""
    rows, after_id = read_stretch(connection, wanted)
    return dump(rows) if rows else b"", after_id


def _jsonl(rows: list[Row]) -> bytes:
    return b"".join(dump_line(_answer(row)) + b"\n" for row in rows)


def _csv(rows: list[Row]) -> bytes:
    return _table([_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    when = _iso(row.time_ms)
    happened = when if row.happened_ms == row.time_ms else _iso(row.happened_ms)
    texts = (row.device, row.kind, row.address, _WORDS.get(row.direction, row.direction), row.type)
    return (str(row.id), when, *(_harmless_name(text or "") for text in texts), _harmless(row.payload), happened)


def _iso(time_ms: int) -> str:
    return f"{_iso_second(time_ms // 1000)}.{time_ms % 1000:03d}+00:00"


@functools.lru_cache(maxsize=64)
def _iso_second(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _harmless(text: str) -> str:
    """Returns a text that is neither a formula to a spreadsheet nor a control sequence to a terminal."""
    # Nearly all texts are so, and the rest of this takes ten times as long.
    if text.isascii() and text.isprintable() and ";" not in text and not text.startswith(_FORMULA_STARTS):
        return text
    shown = visible(text)
    if text.startswith(_FORMULA_STARTS) or shown.startswith(_FORMULA_STARTS):
        shown = "'" + shown
    # Spreadsheets of half of Europe split at `;`: what follows one, and quotes behind it, is a cell of its own.
    return _CELL_START.sub(r"\1'\2", shown)


# Names of devices, addresses and types come again and again.
_harmless_name = functools.lru_cache(maxsize=4096)(_harmless)


def _table(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def _filter_of(call: Call, query: EntryQuery) -> JournalFilter:
    now_s = call.parts.unix_s()
    given = {
        "device": UNSET if query.device is UNSET else call.parts.protocol.device_ids.find(query.device),
        "kind": query.kind,
        "type": query.type,
        "direction": query.direction,
        "since_ms": _milliseconds(query.from_s, now_s),
        "until_ms": _milliseconds(query.to_s, now_s),
        "before_id": getattr(query, "before", UNSET),
        "after_id": getattr(query, "after", UNSET),
    }
    return msgspec.structs.replace(
        JournalFilter(), **{name: value for name, value in given.items() if value is not UNSET}
    )


def _milliseconds(time_s: float | UnsetType, now_s: float) -> int | UnsetType:
    if time_s is UNSET:
        return UNSET
    return int((now_s + time_s if time_s <= 0 else time_s) * 1000)


def _answer(row: Row) -> JournalRow:
    return JournalRow(
        row.id, row.time_ms / 1000, row.device, row.kind, row.address, row.direction, row.type, row.payload,
        row.happened_ms / 1000,
    )  # fmt: skip
