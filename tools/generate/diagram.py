"""Draws the states of a session as a Mermaid diagram, from the `x-` fields of the messages."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from darvaz.protocol.asyncapi import message_names

Schema = Mapping[str, Any]

# The first state is decided before the first message, so the messages do not contain it.
_BEGINNINGS = ("from another machine, no header", "valid header, or trusted localhost")


def draw_states(schema: Schema) -> str:
    """Returns the diagram as a fenced block.

    The schema lists the states in order: each leads to the next one, and all lead to the last one.
    """
    *living, last = schema["x-states"]
    lines = [f"    [*] --> {state}: {words}" for state, words in zip(living, _BEGINNINGS, strict=False)]
    lines += [f"    {a} --> {b}: {find_way_out(schema, a)}" for a, b in pairwise(living)]
    lines.append(f"    {living[-1]} --> {living[-1]}: {', '.join(_messages_in(schema, living[-1]))}")
    lines += [f"    {state} --> {last}: any close code" for state in living]
    lines.append(f"    {last} --> [*]")
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```"


def find_way_out(schema: Schema, state: str) -> str:
    """Returns the message of the device that ends a state: its only one, or the one answered in a later state.

    Raises `ValueError` if there is not exactly one.
    """
    names = _messages_in(schema, state, "device")
    found = names if len(names) == 1 else [name for name in names if _is_answered_later(schema, name, state)]
    if len(found) != 1:
        raise ValueError(f"the way out of {state} is not one message but {found}")
    return found[0]


def _is_answered_later(schema: Schema, name: str, state: str) -> bool:
    reply = schema["$defs"][name].get("x-reply")
    return reply is not None and state not in schema["$defs"][reply]["x-states"]


def _messages_in(schema: Schema, state: str, sender: str | None = None) -> list[str]:
    messages = {name: schema["$defs"][name] for name in message_names(schema)}
    return [
        name
        for name, rule in messages.items()
        if state in rule["x-states"] and (sender is None or sender in rule["x-sender"])
    ]
