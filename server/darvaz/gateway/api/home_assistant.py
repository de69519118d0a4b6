"""The boards as Home Assistant sees them, below /api/home-assistant."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.devices.home_assistant import NodeState
from darvaz.gateway.http.problems import problem

_TAG = "home assistant"


class HomeAssistantAnswer(msgspec.Struct):
    """Whether Home Assistant can discover boards, and which."""

    is_on: Annotated[bool, Meta(description="The setting home_assistant.")]
    nodes: list[NodeState]


async def read_home_assistant(call: Call) -> HomeAssistantAnswer:
    """Returns the boards as Home Assistant sees them."""
    nodes = call.parts.nodes
    return HomeAssistantAnswer(nodes is not None, [] if nodes is None else nodes.describe())


async def forget_home_assistant_key(call: Call) -> Response | None:
    """Removes the key that Home Assistant chose for a board, which a new Home Assistant does not have."""
    nodes = call.parts.nodes
    if nodes is None or not nodes.forget_key(call.device):
        return problem(404, "unknown_device", f"{call.device} is not shown in Home Assistant")
    call.record("home assistant key removed", "", call.device)
    return None


OPERATIONS = [
    Operation(
        method="GET", path="/api/home-assistant", tag=_TAG, handle=read_home_assistant, need=Need.ADMINISTER,
        answer=HomeAssistantAnswer,
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}/home-assistant-key", tag=_TAG, handle=forget_home_assistant_key,
        need=Need.CHANGE, status=204, errors=(404,),
    ),
]  # fmt: skip
