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

    is_on: Annotated[bool, Meta(description="Whether boards are shown to Home Assistant.")]
    remedy: Annotated[str, Meta(description="How to install what that needs; empty if it is there.")]
    nodes: list[NodeState]


class HomeAssistantChange(msgspec.Struct, forbid_unknown_fields=True):
    """Shows all boards to Home Assistant, or none; lasts over restarts, whatever the setting home_assistant is."""

    is_on: bool


def read_home_assistant(call: Call) -> HomeAssistantAnswer:
    """Returns the boards as Home Assistant sees them."""
    nodes = call.parts.nodes
    remedy = call.parts.home_assistant.remedy
    return HomeAssistantAnswer(nodes is not None, remedy, [] if nodes is None else nodes.describe())


async def change_home_assistant(call: Call) -> HomeAssistantAnswer | Response:
    """Shows all boards to Home Assistant, or none."""
    switch, is_on = call.parts.home_assistant, call.body.is_on
    if is_on and switch.remedy:
        return problem(409, "packages_missing", f"Home Assistant needs more packages: {switch.remedy}")
    await switch.turn(is_on=is_on)
    call.record("home assistant switched", "on" if is_on else "off")
    return read_home_assistant(call)


def forget_home_assistant_key(call: Call) -> Response | None:
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
        method="PUT", path="/api/home-assistant", tag=_TAG, handle=change_home_assistant, need=Need.CHANGE,
        body=HomeAssistantChange, answer=HomeAssistantAnswer, errors=(409,), is_stored=True,
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}/home-assistant-key", tag=_TAG, handle=forget_home_assistant_key,
        need=Need.CHANGE, status=204, errors=(404,),
    ),
]  # fmt: skip
