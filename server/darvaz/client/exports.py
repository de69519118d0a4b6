"""Requests for files: the journal and the telemetry of a gateway, to be downloaded piece by piece."""

from __future__ import annotations

from typing import Any

from darvaz.client.requests import ApiRequest, TimeSpec, filters_of, path_of, query_of, seconds_of


def journal_export(format_: str, **filters: Any) -> ApiRequest:
    """The journal as a file, the oldest entry first; to be downloaded."""
    query = query_of({**filters_of(filters), "format": format_})
    return ApiRequest("GET", path_of("journal", "export"), query=query)


def telemetry_export(
    format_: str, *, device: str | None, name: str | None, since: TimeSpec | None, until: TimeSpec | None
) -> ApiRequest:
    """Single readings as a file, the oldest day first; to be downloaded."""
    query = {"device": device, "name": name, "from": seconds_of(since), "to": seconds_of(until), "format": format_}
    return ApiRequest("GET", path_of("telemetry", "export"), query=query_of(query))
