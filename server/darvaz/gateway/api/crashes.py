"""Crashes over HTTP: the groups with their counts, the newest report of each, and forgetting them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import DeviceId
from darvaz.gateway.crashes.store import CrashGroup
from darvaz.gateway.http.problems import problem

_TAG = "Crashes"


class CrashesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which crashes to return."""

    device: Annotated[DeviceId, Meta(description="Only groups in which this device is.")] | UnsetType = UNSET


class CrashList(msgspec.Struct):
    """Groups of crashes, that of the newest crash first."""

    crashes: list[CrashGroup]


def list_crashes(call: Call) -> CrashList:
    """Lists the crashes of boards, grouped by what they died of."""
    device = call.query.device
    wanted = None if device is UNSET else call.parts.protocol.device_ids.find(device)
    return CrashList(call.parts.crashes.all(wanted))


def read_crash(call: Call) -> CrashGroup | Response:
    """Returns one group of crashes, with the newest report."""
    return call.parts.crashes.get(call.scope["path_params"]["crash"]) or _unknown(call)


def delete_crash(call: Call) -> Response | None:
    """Forgets a group of crashes, such as one that is repaired; another crash of the kind is the first again."""
    identity = call.scope["path_params"]["crash"]
    if not call.parts.crashes.delete(identity):
        return _unknown(call)
    call.record("crash_forgotten", identity)
    return None


def _unknown(call: Call) -> Response:
    identity = call.scope["path_params"]["crash"]
    return problem(404, "unknown_crash", f"no crashes have the id {identity}; see GET /api/crashes")


OPERATIONS = [
    Operation(
        method="GET", path="/api/crashes", tag=_TAG, handle=list_crashes, need=Need.VIEW,
        query=CrashesQuery, answer=CrashList,
    ),
    Operation(
        method="GET", path="/api/crashes/{crash}", tag=_TAG, handle=read_crash, need=Need.VIEW,
        answer=CrashGroup, errors=(404,),
    ),
    Operation(
        method="DELETE", path="/api/crashes/{crash}", tag=_TAG, handle=delete_crash, need=Need.CHANGE,
        is_stored=True, status=204, errors=(404,),
    ),
]  # fmt: skip
