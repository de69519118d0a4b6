"""The journal over HTTP: page by page, or exported as a file."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.decisions import BEYOND_LIMITS
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import TimeSeconds
from darvaz.gateway.http.authorization import refuse
from darvaz.gateway.http.json_answers import JSON, NO_STORE
from darvaz.gateway.http.problems import problem
from darvaz.gateway.http.streaming import Pieces, StreamedResponse
from darvaz.gateway.journal.export_lines import head
from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.journal.journal_row import JournalRow, answer
from darvaz.gateway.journal.payload_search import PayloadFilter
from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.storage.reading import StoreBusyError

ROWS_MAX = 1_000
ROWS = 200
# How long an export waits where too many others read.
_BUSY_WAIT_S = 0.5

_TAG = "Journal"
_BUSY_RETRY_S = 10.0
_ID_MAX = 2**63 - 1
_LEVELS = ("debug", "info", "warning", "error", "critical")
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
    text: (
        Annotated[Text, Meta(description="What type, device, address or message contains, whatever its case.")]
        | UnsetType
    ) = UNSET
    level: (
        Annotated[
            Literal["debug", "info", "warning", "error", "critical"],
            Meta(description="Only lines of logs, from this level on."),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = ROWS


class ExportQuery(EntryQuery, kw_only=True, forbid_unknown_fields=True):
    """Which entries to export, and the format of the file."""

    before: Annotated[RowId, Meta(description="Only entries older than this id.")] | UnsetType = UNSET
    after: Annotated[RowId, Meta(description="Only entries newer than this id.")] | UnsetType = UNSET
    format: Literal["jsonl", "csv"] = "jsonl"


class JournalPage(msgspec.Struct):
    """Entries, the oldest first."""

    rows: list[JournalRow]
    older: Annotated[int | None, Meta(description="Value of `before` for the previous page; null at the start.")]
    newer: Annotated[int | None, Meta(description="Value of `after` for newer entries; null if there are none.")]


async def read_journal(call: Call) -> Response:
    """Returns a page of the journal."""
    query: JournalQuery = call.query
    refused = _refuse(call)
    if refused is not None:
        return refused
    is_forward = query.after is not UNSET
    await wait_until_written(call.parts.journal)
    wanted = _filter_of(call, query)
    page = await call.read(
        call.parts.reader, _read_page, wanted, _payload_of(query), query.limit, is_forward=is_forward
    )
    return Response(page, headers=NO_STORE, media_type=JSON)


def export_journal(call: Call) -> Response:
    """Returns the journal as a file: one JSON object per line, or CSV."""
    query: ExportQuery = call.query
    refused = _refuse(call)
    if refused is not None:
        return refused
    stamp = datetime.fromtimestamp(call.parts.unix_s(), UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"Content-Disposition": f'attachment; filename="darvaz-journal-{stamp}.{query.format}"'}
    wanted = _filter_of(call, query)
    exports = call.parts.shares.exports
    if not exports.enter(call.sharer, is_operator=call.is_operator):
        return problem(503, "too_many_exports", "too many exports of this caller, or of viewers", _BUSY_RETRY_S)
    leave = functools.partial(exports.leave, call.sharer, is_operator=call.is_operator)
    media_type = "text/csv; charset=utf-8" if query.format == "csv" else "application/jsonl"
    return StreamedResponse(_pieces(call, wanted, query.format), media_type, headers, on_end=leave)


OPERATIONS = [
    Operation(
        method="GET", path="/api/journal", tag=_TAG, handle=read_journal, need=Need.SEE,
        query=JournalQuery, answer=JournalPage, errors=(503,),
    ),
    Operation(
        method="GET", path="/api/journal/export", tag=_TAG, handle=export_journal, need=Need.SEE,
        query=ExportQuery, answer=str, media=("application/jsonl", "text/csv"), errors=(503,),
    ),
]  # fmt: skip


def _refuse(call: Call) -> Response | None:
    """Returns the refusal of a caller with limits that asks for more than the entries of one board of its groups.

    With a dashboard, it may read the logs that this shows.
    """
    limits, query = call.admitted.limits, call.query
    if limits is None:
        return None
    is_allowed = limits.layout is None or query.type == "log"
    if is_allowed and query.device is not UNSET:
        device = call.parts.protocol.device_ids.find(query.device)
        if call.parts.scopes.may_read_log(limits, device):
            return None
    return refuse(call.parts, call.caller, BEYOND_LIMITS, "GET /api/journal")


def _read_page(
    journal: JournalView, wanted: JournalFilter, payload: PayloadFilter, limit: int, *, is_forward: bool
) -> bytes:
    """Returns a page as JSON; in a thread, for its payloads may be megabytes."""
    stopped = None
    if payload.is_given:
        # Ends after some time: with few rows, or none, and more behind `older`.
        rows, stopped = journal.find(wanted, payload, limit, newest=not is_forward)
    else:
        rows = journal.rows(wanted, limit, newest=not is_forward)
    older = rows[0].id if rows and (is_forward or len(rows) == limit) else None
    newer = rows[-1].id if rows else wanted.after_id
    if stopped is not None:
        older, newer = (older, stopped) if is_forward else (stopped, newer)
    return msgspec.json.encode(JournalPage([answer(row) for row in rows], older, newer))


async def _pieces(call: Call, wanted: JournalFilter, format_: str) -> Pieces:
    """Yields the entries of the time when the export began, in pieces, as long as the caller is admitted."""
    yield head(format_)
    await wait_until_written(call.parts.journal)
    end_id = await call.parts.reader.read(lambda journal: journal.newest_id()) + 1
    before_id = end_id if wanted.before_id is None else min(end_id, wanted.before_id)
    after_id: int | None = wanted.after_id or 0
    while after_id is not None and call.is_still_admitted():
        part = msgspec.structs.replace(wanted, after_id=after_id, before_id=before_id)
        try:
            piece, after_id = await call.parts.exporter.read(part, format_)
        except StoreBusyError:
            # It was answered with 200: it goes on when others have read.
            await asyncio.sleep(_BUSY_WAIT_S)
            continue
        if piece:
            yield piece


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


def _payload_of(query: JournalQuery) -> PayloadFilter:
    levels = None if query.level is UNSET else _LEVELS[_LEVELS.index(query.level) :]
    return PayloadFilter(text=None if query.text is UNSET else query.text, levels=levels)


def _milliseconds(time_s: float | UnsetType, now_s: float) -> int | UnsetType:
    if time_s is UNSET:
        return UNSET
    return int((now_s + time_s if time_s <= 0 else time_s) * 1000)
