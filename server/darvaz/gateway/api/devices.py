"""Devices over HTTP: the list of all that were ever seen, their labels, their commands, and forgetting them."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.decisions import BEYOND_LIMITS
from darvaz.gateway.api.device_pages import LIMIT_MAX, DevicePage, dump_page
from darvaz.gateway.api.groups import note_commander, tell_groups
from darvaz.gateway.api.operations import STORE_DEADLINE_S, Call, Operation, respond_if_changed, unstored
from darvaz.gateway.api.shown_devices import describe_for
from darvaz.gateway.api.types import Arguments, DeviceId, GroupName, Label
from darvaz.gateway.cameras.frame_ring import FRAMES_FOLDER, delete_frames
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.devices.groups import TooManyGroupsError
from darvaz.gateway.devices.visibility import SYSTEMS, System, hide
from darvaz.gateway.devices.words import DeviceWords
from darvaz.gateway.esphome.identities import Identities
from darvaz.gateway.forgotten_devices import delete_device
from darvaz.gateway.http.authorization import refuse
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.parts import Parts
from darvaz.gateway.telemetry.description import DeviceDescription

log = logging.getLogger("darvaz.devices")

_TAG = "Devices"
# What is not deleted by then is deleted when the disk can.
_FORGET_DEADLINE_S = 5.0
# How long the answer of a board waits until the journal has the command on the disk.
_COMMAND_STORE_DEADLINE_S = 1.0


class DevicesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which page of the devices to return."""

    after: Annotated[DeviceId, Meta(description="Only devices behind this one: `next` of a page.")] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Most devices of a page.")] = LIMIT_MAX


class DeviceList(msgspec.Struct):
    """Devices that were ever seen and are not forgotten, in the order of their ids."""

    devices: list[DeviceDescription]
    next: Annotated[str | None, Meta(description="Value of `after` for the next page; null on the last.")]


class DeviceChange(msgspec.Struct, forbid_unknown_fields=True):
    """A new label, other groups, where it is shown; what is missing stays."""

    label: Label | UnsetType | None = UNSET
    groups: Annotated[list[GroupName], Meta(description="All groups of the device.")] | UnsetType = UNSET
    hidden_from: (
        Annotated[list[System], Meta(max_length=len(SYSTEMS), description="The systems that it is not shown to.")]
        | UnsetType
    ) = UNSET


class CommandResult(msgspec.Struct):
    """The answer of the device."""

    status: str
    result: Any


async def list_devices(call: Call) -> Response:
    """Lists every device ever seen, in pages of about a megabyte at most."""
    parts, query = call.parts, call.query
    ids = filter(call.may_see, parts.devices.after("" if query.after is UNSET else query.after))
    page = DevicePage(describe_for(call), ids, query.limit)
    texts = await parts.long_work.collect(page.texts())
    headers = {"Cache-Control": "private, no-cache", "ETag": page.tag}
    return await respond_if_changed(call.request, dump_page(texts, page.next), headers)


def read_device(call: Call) -> DeviceDescription | Response:
    """Returns one device."""
    return describe_for(call)(call.device) or unknown_device(call.device)


async def change_device(call: Call) -> DeviceDescription | Response:
    """Sets or removes the label of a device, and sets its groups and where it is shown."""
    change = call.body
    if call.parts.devices.get(call.device) is None:
        return unknown_device(call.device)
    try:
        if change.groups is not UNSET and await _put_into(call, change.groups):
            tell_groups(call, call.device)
    except TooManyGroupsError as error:
        return problem(422, "invalid", str(error))
    if change.label is not UNSET:
        # A label of blanks would be invisible and leave nothing to click on.
        label = (change.label or "").strip()
        call.parts.devices.label(call.device, label or None)
        _record(call, "labelled", label)
        call.parts.bus.publish_presence(call.device)
    if change.hidden_from is not UNSET and hide(call.parts.devices, call.device, change.hidden_from):
        _record(call, "hidden", ", ".join(change.hidden_from))
        call.parts.bus.publish_presence(call.device)
    return call.parts.describer.describe(call.device) or unknown_device(call.device)


def change_words(call: Call) -> DeviceDescription | Response:
    """Sets what people say of the commands and values of a device: titles, icons, order, units."""
    if call.parts.devices.get(call.device) is None:
        return unknown_device(call.device)
    words = call.body.kept()
    call.parts.devices.keep_words(call.device, words)
    _record(call, "worded", msgspec.json.encode(words).decode())
    call.parts.bus.publish_presence(call.device)
    return call.parts.describer.describe(call.device) or unknown_device(call.device)


async def forget_device(call: Call) -> Response | None:
    """Forgets a device: closes its link, revokes tokens and view links, deletes its history, frames and keys.

    The journal keeps its entries.
    """
    parts, device = call.parts, call.device
    if parts.devices.get(device) is None:
        return unknown_device(call.device)
    delete_device(parts, device)
    # Also where no board is shown to Home Assistant now: the key is of a time when it was.
    Identities(parts.tables, 0).forget(device)
    are_frames_deleted = await _delete_frames(parts, device)
    _record(call, "forgotten")
    # Deleted, not only to be deleted at the next start.
    await parts.recorder.wait_until_durable(STORE_DEADLINE_S)
    is_stored = await parts.history.wait_until_stored(STORE_DEADLINE_S)
    return None if is_stored and are_frames_deleted else unstored()


async def send_command(call: Call) -> CommandResult | Response:
    """Sends a command and returns the result of its acknowledgement."""
    name = call.scope["path_params"]["name"]
    if not call.parts.scopes.may_command(call.admitted.limits, call.device, name):
        return refuse(call.parts, call.caller, BEYOND_LIMITS, "POST /api/devices/{device}/commands/{name}")
    note_commander(call, name, call.device)
    try:
        # A caller that has left does not count among the commands that wait.
        result = await call.while_connected(_carry_out(call, name))
    except CommandError as error:
        return problem(error.status, error.code, str(error))
    return CommandResult("ok", result)


async def _carry_out(call: Call, name: str) -> Any:
    """Returns the result of a command, once what is recorded of it here survives a power cut.

    Where another gateway has the link, that is who has asked, and goes to the disk while the command is under way.
    """
    parts, hub = call.parts, call.parts.hub
    command = hub.command(call.device, name, call.body, parts.settings.command_deadline_s)
    is_elsewhere = hub.elsewhere.takes(call.device, is_here=hub.is_here(call.device))
    if is_elsewhere:
        stored = parts.recorder.wait_until_durable(_COMMAND_STORE_DEADLINE_S) if call.admitted.name else _nothing()
        result, _ = await asyncio.gather(command, stored)
    else:
        result = await command
    if not is_elsewhere or hub.is_here(call.device):
        # The board has done it, whatever the disk does: /health tells of that.
        await parts.recorder.wait_until_durable(_COMMAND_STORE_DEADLINE_S)
    return result


async def _nothing() -> None:
    """Stands where nothing is to be waited for."""


OPERATIONS = [
    Operation(
        method="GET", path="/api/devices", tag=_TAG, handle=list_devices, need=Need.SEE,
        query=DevicesQuery, answer=DeviceList, has_tag=True,
    ),
    Operation(
        method="GET", path="/api/devices/{device}", tag=_TAG, handle=read_device, need=Need.SEE,
        answer=DeviceDescription
    ),
    Operation(
        method="PATCH", path="/api/devices/{device}", tag=_TAG, handle=change_device, need=Need.CHANGE,
        body=DeviceChange, answer=DeviceDescription, is_stored=True,
    ),
    Operation(
        method="PUT", path="/api/devices/{device}/words", tag=_TAG, handle=change_words, need=Need.CHANGE,
        body=DeviceWords, answer=DeviceDescription, is_stored=True,
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}", tag=_TAG, handle=forget_device, need=Need.CHANGE,
        is_stored=True, status=204
    ),
    Operation(
        method="POST", path="/api/devices/{device}/commands/{name}", tag=_TAG, handle=send_command, need=Need.USE,
        body=Arguments, is_body_optional=True, answer=CommandResult, errors=(429, 502, 503, 504),
    ),
]  # fmt: skip


async def _delete_frames(parts: Parts, device: str) -> bool:
    """Deletes the kept frames of a device, also those of a time when the setting was on; says whether all are gone."""
    ring = parts.frame_ring
    if ring is not None:
        return await ring.writer.wait_until_written(ring.forget(device), _FORGET_DEADLINE_S)
    try:
        await asyncio.to_thread(delete_frames, parts.settings.data_path / FRAMES_FOLDER, device)
    except OSError as error:
        log.error("= the frames of %s cannot be deleted: %s", device, error.strerror)
        return False
    return True


async def _put_into(call: Call, names: list[str]) -> bool:
    groups = call.parts.groups
    async with groups.turn:
        return groups.put(call.device, [groups.spelling(name) for name in names])


def _record(call: Call, type_: str, payload: str = "") -> None:
    known = call.parts.devices.get(call.device)
    call.record(type_, payload, call.device, known.kind if known else None)
