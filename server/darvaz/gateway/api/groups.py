"""Groups over HTTP: which there are, what is in them, and one command to many devices at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.decisions import BEYOND_LIMITS
from darvaz.gateway.api.lists import list_in_slices
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import Arguments, DeviceId, GroupName
from darvaz.gateway.devices.group_index import fold
from darvaz.gateway.devices.groups import DeviceGroup, TooManyGroupsError
from darvaz.gateway.devices.many import DeviceResult, command_many
from darvaz.gateway.http.problems import problem, unknown_device

_T = TypeVar("_T")

_TAG = "Groups"
# Of one request: as many ids fit into its body.
_NAMED_MAX = 400
TARGETS_MAX = 5_000
_COMMAND_STORE_DEADLINE_S = 1.0

_Ids = Annotated[list[DeviceId], Meta(max_length=_NAMED_MAX)]


class GroupList(msgspec.Struct):
    """Every group, in the order of their names."""

    groups: list[DeviceGroup]


class GroupChange(msgspec.Struct, forbid_unknown_fields=True):
    """Which devices to put into a group and to take out of it, and its new name."""

    add: _Ids = []
    remove: _Ids = []
    name: GroupName | UnsetType = UNSET


class ManyCommand(msgspec.Struct, forbid_unknown_fields=True):
    """Which devices get a command: those that are named and those of groups, each once."""

    devices: _Ids = []
    groups: Annotated[list[GroupName], Meta(max_length=_NAMED_MAX)] = []
    args: Arguments = {}


class ManyResults(msgspec.Struct):
    """A result for each device, in the order of the request."""

    results: list[DeviceResult]


async def list_groups(call: Call) -> Response:
    """Lists the groups and their devices; of a caller with limits, those that it may see."""
    parts, boards = call.parts, call.parts.scopes.boards(call.admitted.limits)

    def shown() -> Iterator[DeviceGroup]:
        for group in parts.groups.each():
            if boards is not None:
                group.devices = [device for device in group.devices if device in boards]
            if group.devices:
                yield group

    return await list_in_slices(call, "groups", shown())


async def change_group(call: Call) -> DeviceGroup | Response:
    """Puts devices into a group or takes them out of it, or renames it; a group exists while it has a device."""
    async with call.parts.groups.turn:
        return await _change(call)


async def delete_group(call: Call) -> Response | None:
    """Takes all devices out of a group."""
    groups, name = call.parts.groups, call.scope["path_params"]["group"]
    async with groups.turn:
        members = groups.members(name)
        if not members:
            return _unknown(name)
        await _tell(call, await _in_slices(call, (device for device in members if groups.remove(name, device))))
    return None


async def send_to_many(call: Call) -> ManyResults | Response:
    """Sends a command to several devices, and to all of some groups, and returns the result of each."""
    parts, name, limits = call.parts, call.scope["path_params"]["name"], call.admitted.limits
    targets = await _targets(call)
    if isinstance(targets, Response):
        return targets
    allowed = await _in_slices(call, (device for device in targets if parts.scopes.may_command(limits, device, name)))
    await _in_slices(call, map(partial(note_commander, call, name), allowed))
    results = await call.while_connected(
        command_many(parts.hub, allowed, name, call.body.args, parts.settings.command_deadline_s)
    )
    await parts.recorder.wait_until_durable(_COMMAND_STORE_DEADLINE_S)
    by_device = {result.device: result for result in results}
    return ManyResults([by_device.get(device) or _refused(device) for device in targets])


OPERATIONS = [
    Operation(
        method="GET", path="/api/groups", tag=_TAG, handle=list_groups, need=Need.SEE, answer=GroupList
    ),
    Operation(
        method="PATCH", path="/api/groups/{group}", tag=_TAG, handle=change_group, need=Need.CHANGE,
        body=GroupChange, answer=DeviceGroup, is_stored=True, errors=(404, 422),
    ),
    Operation(
        method="DELETE", path="/api/groups/{group}", tag=_TAG, handle=delete_group, need=Need.CHANGE,
        is_stored=True, status=204, errors=(404,),
    ),
    Operation(
        method="POST", path="/api/commands/{name}", tag=_TAG, handle=send_to_many, need=Need.USE,
        body=ManyCommand, answer=ManyResults, errors=(404,),
    ),
]  # fmt: skip


def note_commander(call: Call, name: str, device: str) -> None:
    """Journals which person has a command sent: the entry of the command itself has its arguments."""
    if call.admitted.name:
        known = call.parts.devices.get(device)
        call.record("command requested", name, device, known.kind if known else None)


async def _in_slices(call: Call, results: Iterator[_T]) -> list[_T]:
    return await call.parts.long_work.collect(results)


async def _change(call: Call) -> DeviceGroup | Response:
    groups, name, change = call.parts.groups, call.scope["path_params"]["group"], call.body
    ids = await _in_slices(call, map(call.parts.protocol.device_ids.find, (*change.add, *change.remove)))
    name, add, remove = groups.spelling(name), ids[: len(change.add)], ids[len(change.add) :]
    for device in ids:
        if call.parts.devices.get(device) is None:
            return unknown_device(device)
    for device in add:
        # Before the first of them is in it.
        if not groups.has_room(name, device):
            return problem(422, "invalid", str(TooManyGroupsError(device)))
    changed = await _in_slices(call, (device for device in add if groups.add(name, device)))
    changed += await _in_slices(call, (device for device in remove if groups.remove(name, device)))
    if change.name is not UNSET:
        # In the spelling of the group that it joins; one of its own may be spelt in another way.
        other = change.name if fold(change.name) == fold(name) else groups.spelling(change.name)
        changed += await _in_slices(call, groups.rename(name, other))
        name = other
    await _tell(call, changed)
    return DeviceGroup(name=name, devices=groups.members(name))


async def _targets(call: Call) -> list[str] | Response:
    """Returns the devices of a request, each once, or its problem; a caller with limits has only those that it sees."""
    parts, wanted = call.parts, call.body
    boards = parts.scopes.boards(call.admitted.limits)
    targets = dict.fromkeys(await _in_slices(call, map(parts.protocol.device_ids.find, wanted.devices)))
    for group in wanted.groups:
        members = [device for device in parts.groups.members(group) if boards is None or device in boards]
        if not members:
            return _unknown(group)
        targets.update(dict.fromkeys(members))
    if not 1 <= len(targets) <= TARGETS_MAX:
        return problem(422, "invalid", f"devices, groups: name from 1 to {TARGETS_MAX} devices, not {len(targets)}")
    return list(targets)


def _unknown(group: str) -> Response:
    return problem(404, "unknown_group", f"no device is in a group {group!r}; see GET /api/groups")


def _refused(device: str) -> DeviceResult:
    return DeviceResult(device=device, status="failed", code=BEYOND_LIMITS.code, detail=BEYOND_LIMITS.message)


async def _tell(call: Call, devices: list[str]) -> None:
    """Journals and publishes that these devices are in other groups now."""
    await _in_slices(call, map(partial(tell_groups, call), dict.fromkeys(devices)))


def tell_groups(call: Call, device: str) -> None:
    """Journals and publishes the groups of a device."""
    groups: list[Any] = list(call.parts.groups.of(device))
    known = call.parts.devices.get(device)
    call.record("grouped", msgspec.json.encode(groups).decode(), device, known.kind if known else None)
    call.parts.bus.publish_presence(device)
