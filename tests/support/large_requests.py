"""Requests that ask for as much as they may: what each operation that takes a body does with a large one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from darvaz.gateway.access.roles import COMMANDS_MAX, GRANTS_MAX
from darvaz.gateway.devices.words import NAMES_MAX
from darvaz.gateway.layouts import CARDS_MAX

GROUP = "hall"
_NAMED_MAX = 400
_COMMANDS = [f"command_{number:02}" for number in range(COMMANDS_MAX)]
GRANTS = [{"group": f"{number} {GROUP}", "commands": _COMMANDS} for number in range(GRANTS_MAX)]
_CARDS = [{"kind": "value", "group": GROUP, "name": "name_07", "text": "x" * 1_000}] * CARDS_MAX
_FILES = 100
CHANNELS = [f"{number:032}" for number in range(8)]
_ESCALATED = {"escalate_after_s": 60, "escalate_to": CHANNELS, "quiet": {"begin": "22:00", "end": "06:00"}}


def named(first: int = 0) -> list[str]:
    """Returns as many ids of `connect_many` as a request may have."""
    return [f"board-{number:05}" for number in range(first, first + _NAMED_MAX)]


def _release() -> dict[str, Any]:
    content = base64.b64encode(b"x" * 14_000).decode()
    return {"name": "large", "files": {"main.py": content, **{f"part_{part}.py": content for part in range(_FILES)}}}


def _words() -> dict[str, Any]:
    return {"commands": {f"name_{number}": {"title": "x" * 64, "icon": "bolt"} for number in range(NAMES_MAX)}}


def _layout() -> dict[str, Any]:
    return {"title": "large", "cards": _CARDS}


def _alert_rule() -> dict[str, Any]:
    # Of every board that is known: those that report have it true, and it is told over every channel.
    about = {"when": "below", "group": GROUP, "value": "name_07", "threshold": 1e9, "title": "x" * 64}
    return {**about, "channels": CHANNELS, **_ESCALATED}


def _rule() -> dict[str, Any]:
    about = {"when": "below", "group": GROUP, "value": "name_07", "threshold": 1e9, "title": "x" * 64}
    return {**about, "command": "command_07", "to_group": GROUP, "args": {"angle": 90, "text": "x" * 2_000}}


_BODIES: Mapping[str, Callable[[], dict[str, Any]]] = {
    # The same name in people's eyes: each of its devices is told, and the group can be asked for again.
    "change_group": lambda: {"add": named(), "name": GROUP.title()},
    "send_to_many": lambda: {"groups": [GROUP], "devices": named(), "args": {"angle": 90}},
    "change_device": lambda: {"label": "x" * 64, "groups": [GROUP, *(f"group {n}" for n in range(15))]},
    "change_words": _words,
    "start_at_prompt": lambda: {"session": "0" * 12, "code": "x" * 12_000},
    "type_at_prompt": lambda: {"session": "0" * 12, "data": "eHh4" * 2_048},
    "add_layout": _layout,
    "change_layout": lambda: _layout() | {"edition": 1},
    "add_alert_rule": _alert_rule,
    "change_alert_rule": lambda: _alert_rule() | {"when": "above", "threshold": -1e9},
    "put_alert_channel": lambda: {"url": f"json://127.0.0.1:9/{'x' * 400}", "language": "fa"},
    "add_rule": _rule,
    "change_rule": lambda: _rule() | {"when": "above", "threshold": -1e9},
    "change_person": lambda: {"name": "Larger", "grants": GRANTS},
    "change_home_assistant": lambda: {"is_on": True},
    "change_rollout": lambda: {"state": "paused"},
    "add_person": lambda: {"name": "Large", "role": "user", "grants": GRANTS},
    "issue_invitation": lambda: {"role": "user", "grants": GRANTS, "uses": 200},
    "draw_code": lambda: {"text": "x" * 400},
    "add_release": _release,
    "begin_rollout": lambda: {"release": 1, "to": named()[:200]},
    "serve_assistant": lambda: {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_boards", "arguments": {}},
    },
    "issue_token": lambda: {"kind": "viewer", "label": "x" * 64},
}  # fmt: skip


def large_body(operation: str) -> dict[str, Any]:
    """Returns the largest valid body of an operation, by its name; one without fields for all others."""
    make = _BODIES.get(operation)
    return {} if make is None else make()


def large_introduction(bytes_max: int) -> dict[str, Any]:
    """Returns an introduction with as many commands and values as there may be, and arguments up to a size as JSON."""
    commands: dict[str, Any] = {f"command_{number:02}".ljust(32, "x"): {} for number in range(32)}
    telemetry = {f"value_{number:02}": {"unit": "°C", "device_class": "temperature"} for number in range(64)}
    fields = {"board": "Pico W", "commands": commands, "telemetry": telemetry, "boot_id": "b" * 32}
    arguments = ((command, f"argument_{number:02}") for number in range(16) for command in commands)
    about = {"type": "integer", "min": 0, "max": 180, "step": 1, "unit": "°", "choices": list(range(32))}
    for command, name in arguments:
        commands[command][name] = about
        if len(json.dumps(fields)) > bytes_max:
            del commands[command][name]
            break
    return fields
