"""The history as a file over HTTP, at /api/telemetry/export."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.decisions import BEYOND_LIMITS
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import DeviceId, TimeSeconds
from darvaz.gateway.http.authorization import refuse
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.http.streaming import Pieces, StreamedResponse
from darvaz.gateway.storage.reading import StoreBusyError
from darvaz.gateway.telemetry.export import CSV_HEAD, ExportFormat, ReadingFilter, dump_block
from darvaz.gateway.telemetry.text_export import dump_texts
from darvaz.gateway.telemetry.view import HistoryView

_T = TypeVar("_T")

_BUSY_RETRY_S, _BUSY_WAIT_S = 5.0, 0.2
# For what is not in the database yet.
_STORE_DEADLINE_S = 5.0


# The ending of a file and its media type.
_FILES = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "lines": ("lp", "text/plain; charset=utf-8"),
    "columns": ("jsonl", "application/jsonl"),
}


class TelemetryExportQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True,
                           rename={"from_s": "from", "to_s": "to"}):  # fmt: skip
    """Which readings to export, and the format of the file."""

    device: Annotated[DeviceId, Meta(description="Only this device.")] | UnsetType = UNSET
    name: Annotated[str, Meta(max_length=32, description="Only the values of this name.")] | UnsetType = UNSET
    from_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] = -604_800.0
    to_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] = 0.0
    format: Annotated[
        ExportFormat,
        Meta(description="CSV; the line protocol of InfluxDB; or columns: JSON lines of up to 4,096 readings."),
    ] = "csv"


def export_telemetry(call: Call) -> Response:
    """Returns single readings as a file, day by day, the oldest day first; then the changes of texts.

    Of numbers that are older, only summaries are kept.
    """
    query, parts, now_s = call.query, call.parts, call.parts.unix_s()
    device = "" if query.device is UNSET else parts.protocol.device_ids.find(query.device)
    if not device and call.is_limited:
        return refuse(parts, call.caller, BEYOND_LIMITS, "GET /api/telemetry/export")
    if device and (parts.devices.get(device) is None or not call.may_see(device)):
        return unknown_device(device)
    from_ms, to_ms = (int((now_s + at_s if at_s <= 0 else at_s) * 1000) for at_s in (query.from_s, query.to_s))
    wanted = ReadingFilter(device, "" if query.name is UNSET else query.name, from_ms, to_ms)
    exports = parts.shares.exports
    if not exports.enter(call.sharer, is_operator=call.is_operator):
        return problem(503, "too_many_exports", "too many exports of this caller, or of viewers", _BUSY_RETRY_S)
    leave = functools.partial(exports.leave, call.sharer, is_operator=call.is_operator)
    ending, media_type = _FILES[query.format]
    stamp = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"Content-Disposition": f'attachment; filename="darvaz-telemetry-{stamp}.{ending}"'}
    return StreamedResponse(_pieces(call, wanted, query.format), media_type, headers, on_end=leave)


async def _pieces(call: Call, wanted: ReadingFilter, format_: ExportFormat) -> Pieces:
    """Yields the file in pieces, as long as the caller is admitted."""
    if format_ == "csv":
        yield CSV_HEAD
    await call.parts.recorder.wait_until_durable(_STORE_DEADLINE_S)
    await call.parts.history.wait_until_stored(_STORE_DEADLINE_S)
    async for portion in _portions(call, lambda history, after: history.portion(wanted, after)):
        for block in portion.blocks:
            piece = await asyncio.to_thread(dump_block, portion, block, wanted, format_)
            if piece:
                yield piece
    async for changes in _portions(call, lambda history, after: history.texts(wanted, after)):
        yield await asyncio.to_thread(dump_texts, changes, format_)


async def _portions(call: Call, read: Callable[[HistoryView, _T | None], _T | None]) -> AsyncIterator[_T]:
    """Yields what is read, one portion after the other, as long as the caller is admitted."""
    portion: _T | None = None
    while call.is_still_admitted():
        try:
            portion = await call.parts.history_reader.read(read, portion)
        except StoreBusyError:
            # It was answered with 200: it goes on when others have read.
            await asyncio.sleep(_BUSY_WAIT_S)
            continue
        if portion is None:
            return
        yield portion


OPERATIONS = [
    Operation(
        method="GET", path="/api/telemetry/export", tag="Telemetry", handle=export_telemetry, need=Need.SEE,
        query=TelemetryExportQuery, answer=str, media=("text/csv", "text/plain", "application/jsonl"),
        errors=(404, 503),
    ),
]  # fmt: skip
