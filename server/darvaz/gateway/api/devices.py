"""Devices over HTTP: the list of all that were ever seen, their labels, their commands, and forgetting them."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import Arguments, Label
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.telemetry.description import DeviceDescription

_TAG = "Devices"


class DeviceList(msgspec.Struct):
    """Every device that was ever seen and is not forgotten."""

    devices: list[DeviceDescription]


class DeviceChange(msgspec.Struct, forbid_unknown_fields=True):
    """A new label."""

    label: Label | None


class CommandResult(msgspec.Struct):
    """The answer of the device."""

    status: str
    result: Any


async def list_devices(call: Call) -> DeviceList:
    """Lists every device ever seen."""
    return DeviceList(call.parts.describer.describe_all())


async def read_device(call: Call) -> DeviceDescription | Response:
    """Returns one device."""
    return call.parts.describer.describe(call.device) or unknown_device(call.device)


async def change_device(call: Call) -> DeviceDescription | Response:
    """Sets or removes the label of a device."""
    # A label of blanks would be invisible and leave nothing to click on.
    label = (call.body.label or "").strip()
    if not call.parts.devices.label(call.device, label or None):
        return unknown_device(call.device)
    _record(call, "labelled", label)
    call.parts.bus.publish_presence(call.device)
    return call.parts.describer.describe(call.device) or unknown_device(call.device)


async def forget_device(call: Call) -> Response | None:
    """Forgets a device: closes its link, revokes its tokens, deletes its history; the journal keeps its entries."""
    parts, device = call.parts, call.device
    if parts.devices.get(device) is None:
        return unknown_device(call.device)
    parts.access.tokens.revoke_of(device)
    parts.hub.forget(device)
    parts.telemetry.forget(device)
    parts.metrics.forget(device)
    parts.bus.publish_forgotten(device)
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
        answer=DeviceDescription
    ),
    Operation(
        method="PATCH", path="/api/devices/{device}", tag=_TAG, handle=change_device, need=Need.CHANGE,
        body=DeviceChange, answer=DeviceDescription
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}", tag=_TAG, handle=forget_device, need=Need.CHANGE,
        changes_access=True, status=204
    ),
    Operation(
        method="POST", path="/api/devices/{device}/commands/{name}", tag=_TAG, handle=send_command, need=Need.CHANGE,
        body=Arguments, is_body_optional=True, answer=CommandResult, errors=(429, 502, 503, 504),
    ),
]  # fmt: skip


def _record(call: Call, type_: str, payload: str = "") -> None:
    known = call.parts.devices.get(call.device)
    call.record(type_, payload, call.device, known.kind if known else None)
