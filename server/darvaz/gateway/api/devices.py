"""Devices over HTTP: the list of all that were ever seen, their labels, their commands, and forgetting them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import Arguments, Label
from darvaz.gateway.devices.hub import CommandError
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.parts import Parts
from darvaz.gateway.telemetry.latest import Reading, Vitals

_TAG = "Devices"
_LAST_ARGS = (
    "With which numbers, truth values and choices each command was last carried out, since board and gateway started."
)


class DeviceAnswer(msgspec.Struct, kw_only=True):
    """One device; what it says of itself is text of a stranger."""

    id: str
    kind: str
    sends_frames: Annotated[bool, Meta(description="Whether its kind is one that sends pictures.")]
    label: Annotated[str | None, Meta(description="What people call it, if they gave it a name.")]
    online: bool
    since: Annotated[float | None, Meta(description="When it came, in Unix seconds; null while it is away.")]
    first_seen: float
    last_seen: float
    address: str | None
    version: str | None
    board: str | None
    ip: Annotated[str | None, Meta(description="The address that the board sees of itself.")]
    reset_cause: str | None
    boot_id: str | None
    rssi_dbm: Annotated[int | None, Meta(description="Signal of its Wi-Fi, when it last said so.")]
    heap_free_bytes: int | None
    uptime_s: Annotated[float | None, Meta(description="How long the board runs, as it last said.")]
    commands: Annotated[dict[str, Any], Meta(description="Its commands and arguments, as protocol.json has them.")]
    last_args: Annotated[dict[str, dict[str, Any]], Meta(description=_LAST_ARGS)]
    telemetry: Annotated[dict[str, Any], Meta(description="What it reports, with units, as protocol.json has it.")]
    values: Annotated[dict[str, Reading], Meta(description="The newest of each name since the gateway started.")]


class DeviceList(msgspec.Struct):
    """Every device that was ever seen and is not forgotten."""

    devices: list[DeviceAnswer]


class DeviceChange(msgspec.Struct, forbid_unknown_fields=True):
    """A new label."""

    label: Label | None


class CommandResult(msgspec.Struct):
    """The answer of the device."""

    status: str
    result: Any


def describe_device(parts: Parts, device: str) -> DeviceAnswer | None:
    """Returns all there is to say of one device, or None for one that never was here."""
    described = parts.hub.describe(device)
    return _answer(parts, described) if described else None


def list_described(parts: Parts) -> list[DeviceAnswer]:
    """Returns all there is to say of every device."""
    return [_answer(parts, described) for described in parts.hub.listing()]


async def list_devices(call: Call) -> DeviceList:
    """Lists every device ever seen."""
    return DeviceList(list_described(call.parts))


async def read_device(call: Call) -> DeviceAnswer | Response:
    """Returns one device."""
    return describe_device(call.parts, call.device) or unknown_device(call.device)


async def change_device(call: Call) -> DeviceAnswer | Response:
    """Sets or removes the label of a device."""
    # A label of blanks would be invisible and leave nothing to click on.
    label = (call.body.label or "").strip()
    if not call.parts.devices.label(call.device, label or None):
        return unknown_device(call.device)
    _record(call, "labelled", label)
    call.parts.bus.publish("presence", call.device, True)
    return describe_device(call.parts, call.device) or unknown_device(call.device)


async def forget_device(call: Call) -> Response | None:
    """Forgets a device: closes its link, revokes its tokens, deletes its history; the journal keeps its entries."""
    parts, device = call.parts, call.device
    if parts.devices.get(device) is None:
        return unknown_device(call.device)
    parts.access.tokens.revoke_of(device)
    parts.hub.forget(device)
    parts.telemetry.forget(device)
    parts.metrics.forget(device)
    parts.bus.publish("forgotten", device, None)
    _record(call, "forgotten")
    return None


async def send_command(call: Call) -> CommandResult | Response:
    """Sends a command and returns the result of its acknowledgement."""
    name, deadline_s = call.request.path_params["name"], call.parts.settings.command_deadline_s
    try:
        result = await call.parts.hub.command(call.device, name, call.body, deadline_s)
    except CommandError as error:
        return problem(error.status, error.code, str(error))
    return CommandResult("ok", result)


OPERATIONS = [
    Operation(method="GET", path="/api/devices", tag=_TAG, handle=list_devices, need=Need.VIEW, answer=DeviceList),
    Operation(
        method="GET", path="/api/devices/{device}", tag=_TAG, handle=read_device, need=Need.VIEW,
        answer=DeviceAnswer
    ),
    Operation(
        method="PATCH", path="/api/devices/{device}", tag=_TAG, handle=change_device, need=Need.CHANGE,
        body=DeviceChange, answer=DeviceAnswer
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}", tag=_TAG, handle=forget_device, need=Need.CHANGE,
        status=204
    ),
    Operation(
        method="POST", path="/api/devices/{device}/commands/{name}", tag=_TAG, handle=send_command, need=Need.CHANGE,
        body=Arguments, is_body_optional=True, answer=CommandResult, errors=(429, 502, 503, 504),
    ),
]  # fmt: skip


def _answer(parts: Parts, described: dict[str, Any]) -> DeviceAnswer:
    vitals = parts.telemetry.vitals_or_none(described["id"]) or Vitals()
    values = parts.telemetry.latest(described["id"])
    sends_frames = parts.protocol.kinds[described["kind"]].sends_frames
    return DeviceAnswer(**described, **msgspec.structs.asdict(vitals), sends_frames=sends_frames, values=values)


def _record(call: Call, type_: str, payload: str = "") -> None:
    known = call.parts.devices.get(call.device)
    call.record(type_, payload, call.device, known.kind if known else None)
