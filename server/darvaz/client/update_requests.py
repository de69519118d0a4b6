"""The requests about releases, rollouts and the keys of updates, as data."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from darvaz.client.requests import ApiRequest, path_of
from darvaz.client.types import ReleaseInfo, ReleaseListInfo, RolloutInfo, RolloutListInfo, UpdateKeyInfo

UPLOAD_DEADLINE_S = 60.0


def releases() -> ApiRequest:
    return ApiRequest("GET", path_of("releases"), lambda answer: answer["releases"], ReleaseListInfo)


def add_release(name: str, files: Mapping[str, bytes], micropython: str = "") -> ApiRequest:
    """Uploads a program: its files by their path on the board, without the first slash, and what it needs at least."""
    body: dict[str, Any] = {
        "name": name,
        "files": {path: base64.b64encode(data).decode() for path, data in files.items()},
    }
    if micropython:
        body["micropython"] = micropython
    return ApiRequest("POST", path_of("releases"), shape=ReleaseInfo, body=body, deadline_s=UPLOAD_DEADLINE_S)


def rollouts() -> ApiRequest:
    return ApiRequest("GET", path_of("rollouts"), lambda answer: answer["rollouts"], RolloutListInfo)


def rollout(number: int) -> ApiRequest:
    return ApiRequest("GET", path_of("rollouts", str(number)), shape=RolloutInfo)


def begin_rollout(release: int, to: Iterable[str], **plan: Any) -> ApiRequest:
    """Gives a release to boards; `plan` has canary, then_percent, hold_s and stop_percent."""
    body = {"release": release, "to": list(to), **plan}
    return ApiRequest("POST", path_of("rollouts"), shape=RolloutInfo, body=body)


def change_rollout(number: int, state: str) -> ApiRequest:
    """Makes a rollout running, paused or stopped."""
    return ApiRequest("PATCH", path_of("rollouts", str(number)), shape=RolloutInfo, body={"state": state})


def update_key(name: str) -> ApiRequest:
    """The key with which updates for a device are signed."""
    return ApiRequest("POST", path_of("devices", name, "update-key"), lambda answer: answer["key"], UpdateKeyInfo)
