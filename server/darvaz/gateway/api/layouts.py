"""Dashboards over HTTP: listed, made, changed and removed."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.problems import problem
from darvaz.gateway.layouts import ChangedMeanwhileError, Layout, LayoutFields, TooManyLayoutsError

TAG = "Dashboards"
_BODY_BYTES_MAX = 131_072


class LayoutList(msgspec.Struct):
    """Every dashboard, the oldest first."""

    layouts: list[Layout]


def list_layouts(call: Call) -> LayoutList:
    """Lists the dashboards with their cards; of a caller with limits, those that show its boards."""
    layouts, limits = list(call.parts.layouts.all.values()), call.admitted.limits
    if limits is not None and limits.layout is not None:
        layouts = [layout for layout in layouts if layout.id == limits.layout]
    elif limits is not None:
        layouts = [layout for layout in layouts if _is_for(call, layout)]
    return LayoutList(layouts)


def add_layout(call: Call) -> Layout | Response:
    """Adds a dashboard."""
    return _put(call, None)


def change_layout(call: Call) -> Layout | Response:
    """Replaces a dashboard, if nobody else changed it since it was read."""
    layout_id = str(call.scope["path_params"]["layout"])
    return _put(call, layout_id) if layout_id in call.parts.layouts.all else _unknown()


def remove_layout(call: Call) -> Response | None:
    """Removes a dashboard."""
    layout_id = str(call.scope["path_params"]["layout"])
    if not call.parts.layouts.remove(layout_id):
        return _unknown()
    call.parts.operators.invitations.revoke_of(layout_id)
    call.parts.end_streams()
    call.record("dashboard removed", layout_id)
    return None


OPERATIONS = [
    Operation(method="GET", path="/api/layouts", tag=TAG, handle=list_layouts, need=Need.SEE, answer=LayoutList),
    Operation(
        method="POST", path="/api/layouts", tag=TAG, handle=add_layout, need=Need.CHANGE, is_stored=True,
        body=LayoutFields, body_bytes_max=_BODY_BYTES_MAX, answer=Layout, status=201, errors=(409,),
    ),
    Operation(
        method="PUT", path="/api/layouts/{layout}", tag=TAG, handle=change_layout, need=Need.CHANGE, is_stored=True,
        body=LayoutFields, body_bytes_max=_BODY_BYTES_MAX, answer=Layout, errors=(409,),
    ),
    Operation(
        method="DELETE", path="/api/layouts/{layout}", tag=TAG, handle=remove_layout, need=Need.CHANGE,
        is_stored=True, status=204,
    ),
]  # fmt: skip


def _put(call: Call, layout_id: str | None) -> Layout | Response:
    try:
        layout = call.parts.layouts.put(call.body, layout_id)
    except TooManyLayoutsError as error:
        return problem(409, "too_many", str(error))
    except ChangedMeanwhileError as error:
        return problem(409, "changed_meanwhile", str(error))
    call.record("dashboard changed" if layout_id else "dashboard added", f"{layout.id}: {layout.title}")
    return layout


def _is_for(call: Call, layout: Layout) -> bool:
    """Whether a dashboard shows boards, and none that the caller may not see."""
    boards = [
        device
        for card in layout.cards
        for device in ([card.device] if card.device else call.parts.groups.members(card.group or ""))
    ]
    return bool(boards) and all(map(call.may_see, boards))


def _unknown() -> Response:
    return problem(404, "unknown_dashboard", "no dashboard has this id; see GET /api/layouts")
