"""The requests for crash reports, and what they are answered with."""

from __future__ import annotations

from typing import TypedDict

from darvaz.client.requests import ApiRequest, path_of


class CrashReportInfo(TypedDict):
    """The newest crash of a group, as far as its board could tell."""

    device: str
    time: float
    traceback: str
    boot_id: str
    reset_cause: str | None
    release: str
    ran_ms: float | None
    heap_free_bytes: int | None
    heap_largest_bytes: int | None
    log: list[str]


class CrashInfo(TypedDict):
    """What programs of boards died of: how often, by device and by release."""

    id: str
    reason: str
    title: str
    count: int
    first_seen: float
    last_seen: float
    devices: dict[str, int]
    releases: dict[str, int]
    report: CrashReportInfo


class CrashListInfo(TypedDict):
    """Groups of crashes, that of the newest crash first."""

    crashes: list[CrashInfo]


def crashes(device: str | None = None) -> ApiRequest:
    """The groups of crashes, the newest first; of one device if it is given."""
    query = {} if device is None else {"device": device}
    return ApiRequest("GET", path_of("crashes"), lambda answer: answer["crashes"], CrashListInfo, query=query)


def delete_crash(identity: str) -> ApiRequest:
    """Forgets a group of crashes."""
    return ApiRequest("DELETE", path_of("crashes", identity), shape=None)
