"""The Model Context Protocol at /mcp, for assistants: each request is answered by itself."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.assistants.protocol import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    McpRequest,
    ProtocolError,
    answer,
    failure,
    greet,
    parse,
    text_result,
)
from darvaz.gateway.assistants.tools import DRY_RUN, READING_TOOLS, CommandTool, command_tools, may_be_of
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.http.json_answers import NO_STORE
from darvaz.gateway.http.problems import problem
from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.parts import ASSISTANT_CALLS_MAX
from darvaz.gateway.telemetry.description import DeviceDescription

_TAG = "Assistants"
_POINTS = 100
_HOUR_S = 3600.0
_JSON_BYTES_MAX = 200_000


class ToolError(Exception):
    """A tool that could not do what it was called for; the text is for the assistant."""


async def serve_assistant(call: Call) -> Response | dict[str, Any]:
    """Answers one request of the Model Context Protocol (JSON-RPC 2.0)."""
    wait_s = call.parts.assistant_calls.wait_s(call.sharer)
    if wait_s is not None:
        return problem(429, "busy", f"an assistant may send {ASSISTANT_CALLS_MAX} requests a minute; wait", wait_s)
    call.parts.assistant_calls.count(call.sharer)
    try:
        request = parse(call.body)
    except ProtocolError as error:
        return failure(None, error)
    if request.identity is None:
        return Response(status_code=202, headers=NO_STORE)
    try:
        return answer(request.identity, await _handle(call, request))
    except ProtocolError as error:
        return failure(request.identity, error)


OPERATIONS = [
    Operation(
        method="POST", path="/mcp", tag=_TAG, handle=serve_assistant, need=Need.ASSIST, body=dict[str, Any],
        answer=dict[str, Any], errors=(429,), is_stored=False,
    ),
]  # fmt: skip


async def _handle(call: Call, request: McpRequest) -> dict[str, Any]:
    match request.method:
        case "initialize":
            return greet(request.params)
        case "ping":
            return {}
        case "tools/list":
            commands = await _commands(call)
            return {"tools": [*READING_TOOLS, *(tool.describe() for tool in commands.values())]}
        case "tools/call":
            return await _call_tool(call, request)
    raise ProtocolError(METHOD_NOT_FOUND, f"{request.method[:64]!r} is not known here; there are only tools")


async def _boards(call: Call) -> list[DeviceDescription]:
    parts = call.parts
    described = (parts.describer.describe(device) for device in parts.devices.after(""))
    return await parts.long_work.collect(board for board in described if board is not None)


async def _commands(call: Call) -> dict[str, CommandTool]:
    allowed = call.parts.settings.listed("assistant_commands")
    return command_tools(await _boards(call), allowed) if allowed else {}


def _command_tool(call: Call, name: str) -> CommandTool | None:
    """Returns the tool of a name, if its command is allowed; describes no board but its own."""
    parts, allowed = call.parts, call.parts.settings.listed("assistant_commands")
    for device in parts.devices.after("") if allowed else ():
        if not may_be_of(name, device):
            continue
        board = parts.describer.describe(device)
        tool = None if board is None else command_tools([board], allowed).get(name)
        if tool is not None:
            return tool
    return None


async def _call_tool(call: Call, request: McpRequest) -> dict[str, Any]:
    name, given = request.params.get("name"), request.params.get("arguments", {})
    if not isinstance(name, str) or not isinstance(given, dict):
        raise ProtocolError(INVALID_PARAMS, "params: name and arguments are expected")
    reading = _READERS.get(name)
    tool = None if reading is not None else _command_tool(call, name)
    if tool is None and reading is None:
        raise ProtocolError(INVALID_PARAMS, f"there is no tool {name[:64]!r}, or its owner does not allow it")
    try:
        if tool is not None:
            return await _command(call, tool, dict(given))
        assert reading is not None
        call.record("assistant read", name, _device_in(call, given))
        return await reading(call, given)
    except (ToolError, CommandError) as error:
        return text_result(str(error), is_error=True)


async def _command(call: Call, tool: CommandTool, given: dict[str, Any]) -> dict[str, Any]:
    is_dry = bool(given.pop(DRY_RUN, False)) if DRY_RUN not in tool.rules else False
    payload = msgspec.json.encode({"command": tool.command, "args": given, "dry_run": is_dry}).decode()
    call.record("assistant command", payload, tool.device)
    if is_dry:
        call.parts.hub.check_command(tool.device, tool.command, given)
        return text_result(f"{tool.command} would be sent to {tool.device}; nothing was done")
    deadline_s = call.parts.settings.command_deadline_s
    result = await call.parts.hub.command(tool.device, tool.command, given, deadline_s)
    return _data(tool.device, result)


async def _list_boards(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    parts, group = call.parts, given.get("group")
    ids = parts.groups.members(group) if isinstance(group, str) else parts.devices.after("")
    described = map(parts.describer.describe, ids)
    return _result(None, await parts.long_work.collect(_dump_board(board) for board in described if board is not None))


def _dump_board(board: DeviceDescription) -> bytes:
    return msgspec.json.encode(
        {
            "device": board.id, "label": board.label, "groups": board.groups, "kind": board.kind,
            "online": board.online,
            "values": {name: reading.value for name, reading in board.values.items()},
            "units": {name: declared["unit"] for name, declared in board.telemetry.items() if declared.get("unit")},
            "has_camera": board.sends_frames,
        }
    )  # fmt: skip


async def _read_telemetry(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    device, name, hours = _device(call, given), given.get("name"), given.get("hours", 24)
    if not isinstance(name, str) or isinstance(hours, bool) or not isinstance(hours, int | float):
        raise ToolError("name is a text, and hours is a number")
    now_s = call.parts.unix_s()
    waiting = call.parts.history.waiting(device, name)
    since_s = now_s - min(max(hours, 0.0), 87_600) * _HOUR_S
    found = await call.read(
        call.parts.history_reader, lambda history: history.plot(device, name, since_s, now_s, _POINTS, waiting)
    )
    return _data(device, found.points)


async def _read_log(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    device, lines = _device(call, given), given.get("lines", 50)
    if isinstance(lines, bool) or not isinstance(lines, int) or not 1 <= lines <= 200:
        raise ToolError("lines is a whole number from 1 to 200")
    rows = await call.read(
        call.parts.reader, lambda journal: journal.rows(JournalFilter(device=device, type="log"), lines)
    )
    return _data(device, [{"time": row.happened_ms / 1000, "line": row.payload} for row in rows])


async def _take_picture(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    frame = await call.parts.snapshots.take(_device(call, given))
    data = base64.b64encode(frame.data).decode()
    return {"content": [{"type": "image", "data": data, "mimeType": "image/jpeg"}], "isError": False}


_READERS = {
    "list_boards": _list_boards,
    "read_telemetry": _read_telemetry,
    "read_log": _read_log,
    "take_picture": _take_picture,
}


def _device_in(call: Call, given: dict[str, Any]) -> str | None:
    device = given.get("device")
    return device if isinstance(device, str) and call.parts.devices.get(device) is not None else None


def _device(call: Call, given: dict[str, Any]) -> str:
    device = _device_in(call, given)
    if device is None:
        raise ToolError("there is no such board; list_boards says which there are")
    return device


def _data(device: str | None, data: Any) -> dict[str, Any]:
    """Returns what boards wrote, marked as such."""
    return _result(device, msgspec.json.encode(data))


def _result(device: str | None, data: bytes | list[bytes]) -> dict[str, Any]:
    """Returns JSON, or a list of JSON texts, of what boards wrote, marked as such."""
    written = data if isinstance(data, bytes) else b"[%s]" % b",".join(data)
    text = (b'{"device":%s,"written_by_boards":%s}' % (msgspec.json.encode(device), written)).decode()
    if len(text) > _JSON_BYTES_MAX:
        raise ToolError(f"the answer has more than {_JSON_BYTES_MAX} characters: ask for less")
    return text_result(text)
