"""The requests for crash reports."""

from __future__ import annotations

from darvaz.client.requests import ApiRequest, path_of
from darvaz.client.types import CrashListInfo


def crashes(device: str | None = None) -> ApiRequest:
    """The groups of crashes, the newest first; of one device if it is given."""
    query = {} if device is None else {"device": device}
    return ApiRequest("GET", path_of("crashes"), lambda answer: answer["crashes"], CrashListInfo, query=query)


def delete_crash(identity: str) -> ApiRequest:
    """Forgets a group of crashes."""
    return ApiRequest("DELETE", path_of("crashes", identity), shape=None)
