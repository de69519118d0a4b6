"""Groups over HTTP: which there are, what is in them, and one command to many devices at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.decisions import BEYOND_LIMITS
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import Arguments, DeviceId, GroupName
from darvaz.gateway.devices.groups import DeviceGroup, TooManyGroupsError, fold
from darvaz.gateway.devices.many import DeviceResult, command_many
from darvaz.gateway.http.problems import problem, unknown_device

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


def list_groups(call: Call) -> GroupList:
    """Lists the groups and their devices; of a caller with limits, those that it may see."""
    groups = call.parts.groups.all()
    for group in groups:
        group.devices = [device for device in group.devices if call.may_see(device)]
    return GroupList([group for group in groups if group.devices])


def change_group(call: Call) -> DeviceGroup | Response:
    """Puts devices into a group or takes them out of it, or renames it; a group exists while it has a device."""
    groups, name, change = call.parts.groups, call.scope["path_params"]["group"], call.body
    add, remove = (
        [call.parts.protocol.device_ids.find(device) for device in ids] for ids in (change.add, change.remove)
    )
    for device in (*add, *remove):
        if call.parts.devices.get(device) is None:
            return unknown_device(device)
    name = groups.spelling(name)
    try:
        changed = [device for device in add if groups.add(name, device)]
    except TooManyGroupsError as error:
        return problem(422, "invalid", str(error))
    changed += [device for device in remove if groups.remove(name, device)]
    if change.name is not UNSET:
        # In the spelling of the group that it joins; one of its own may be spelt in another way.
        other = change.name if fold(change.name) == fold(name) else groups.spelling(change.name)
        changed += groups.rename(name, other)
        name = other
    _tell(call, changed)
    return DeviceGroup(name=name, devices=groups.members(name))


def delete_group(call: Call) -> Response | None:
    """Takes all devices out of a group."""
    groups, name = call.parts.groups, call.scope["path_params"]["group"]
    members = groups.members(name)
    if not members:
        return problem(404, "unknown_group", f"no device is in a group {name!r}; see GET /api/groups")
    for device in members:
        groups.remove(name, device)
    _tell(call, members)
    return None


async def send_to_many(call: Call) -> ManyResults | Response:
    """Sends a command to several devices, and to all of some groups, and returns the result of each."""
    parts, name, limits = call.parts, call.scope["path_params"]["name"], call.admitted.limits
    targets = _targets(call)
    if isinstance(targets, Response):
        return targets
    allowed = [device for device in targets if parts.scopes.may_command(limits, device, name)]
    note_commander(call, name, allowed)
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


def note_commander(call: Call, name: str, devices: Iterable[str]) -> None:
    """Journals which person has a command sent: the entry of the command itself has its arguments."""
    if call.admitted.name:
        for device in devices:
            known = call.parts.devices.get(device)
            call.record("command requested", name, device, known.kind if known else None)


def _targets(call: Call) -> list[str] | Response:
    """Returns the devices of a request, each once, or its problem; a caller with limits has only those that it sees."""
    parts, wanted = call.parts, call.body
    targets = dict.fromkeys(parts.protocol.device_ids.find(device) for device in wanted.devices)
    for group in wanted.groups:
        members = [device for device in parts.groups.members(group) if call.may_see(device)]
        if not members:
            return problem(404, "unknown_group", f"no device is in a group {group!r}; see GET /api/groups")
        targets.update(dict.fromkeys(members))
    if not 1 <= len(targets) <= TARGETS_MAX:
        return problem(422, "invalid", f"devices, groups: name from 1 to {TARGETS_MAX} devices, not {len(targets)}")
    return list(targets)


def _refused(device: str) -> DeviceResult:
    return DeviceResult(device=device, status="failed", code=BEYOND_LIMITS.code, detail=BEYOND_LIMITS.message)


def _tell(call: Call, devices: list[str]) -> None:
    """Journals and publishes that these devices are in other groups now."""
    for device in dict.fromkeys(devices):
        tell_groups(call, device)


def tell_groups(call: Call, device: str) -> None:
    """Journals and publishes the groups of a device."""
    groups: list[Any] = list(call.parts.groups.of(device))
    known = call.parts.devices.get(device)
    call.record("grouped", msgspec.json.encode(groups).decode(), device, known.kind if known else None)
    call.parts.bus.publish_presence(device)
