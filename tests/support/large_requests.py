"""Requests that ask for as much as they may: what each operation that takes a body does with a large one."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from darvaz.gateway.access.roles import COMMANDS_MAX, GRANTS_MAX
from darvaz.gateway.devices.words import NAMES_MAX
from darvaz.gateway.layouts import CARDS_MAX

GROUP = "hall"
_NAMED_MAX = 400
_COMMANDS = [f"command_{number:02}" for number in range(COMMANDS_MAX)]
_GRANTS = [{"group": f"{number} {GROUP}", "commands": _COMMANDS} for number in range(GRANTS_MAX)]
_CARDS = [{"kind": "value", "group": GROUP, "name": "name_07", "text": "x" * 1_000}] * CARDS_MAX
_FILES = 100


def named(first: int = 0) -> list[str]:
    """Returns as many ids of `connect_many` as a request may have."""
    return [f"board-{number:05}" for number in range(first, first + _NAMED_MAX)]


def _release() -> dict[str, Any]:
    content = base64.b64encode(b"x" * 14_000).decode()
    return {"name": "large", "files": {"main.py": content, **{f"part_{part}.py": content for part in range(_FILES)}}}


def _words() -> dict[str, Any]:
    return {"commands": {f"name_{number}": {"title": "x" * 64, "icon": "bolt"} for number in range(NAMES_MAX)}}


_BODIES: Mapping[str, Callable[[], dict[str, Any]]] = {
    # The same name in people's eyes: each of its devices is told, and the group can be asked for again.
    "change_group": lambda: {"add": named(), "name": GROUP.title()},
    "send_to_many": lambda: {"groups": [GROUP], "devices": named(), "args": {"angle": 90}},
    "change_device": lambda: {"label": "x" * 64, "groups": [GROUP, *(f"group {n}" for n in range(15))]},
    "change_words": _words,
    "start_at_prompt": lambda: {"session": "0" * 12, "code": "x" * 12_000},
    "type_at_prompt": lambda: {"session": "0" * 12, "data": "eHh4" * 2_048},
    "add_layout": lambda: {"title": "large", "cards": _CARDS},
    "add_person": lambda: {"name": "Large", "role": "user", "grants": _GRANTS},
    "issue_invitation": lambda: {"role": "user", "grants": _GRANTS, "uses": 200},
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
