"""Generates the protocol page, docs/protocol.md: states, messages, shared types, numbers and codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from darvaz.protocol.asyncapi import message_names
from tools.generate.diagram import draw_states
from tools.generate.words import describe, link, table

Schema = Mapping[str, Any]

_EXAMPLE_WIDTH_MAX = 100
_INTRODUCTION = """\
The same rules for programs: [`shared/protocol.json`](../shared/protocol.json) (JSON Schema, also at
`/protocol.json` of a running gateway), [`asyncapi.json`](asyncapi.json) (AsyncAPI 3.0, also at
`/asyncapi.json`) and, on boards, `darvaz.messages`. To change the protocol, change the schema and run
`python -m tools.generate`."""


def build_page(schema: Schema) -> str:
    """Returns the text of docs/protocol.md for a protocol schema."""
    sections = [
        *_opening(schema),
        *_states(schema),
        *_overview(schema),
        *_messages(schema),
        *_types(schema),
        *_numbers_and_codes(schema),
    ]
    return "\n\n".join(sections) + "\n"


def _opening(schema: Schema) -> Iterator[str]:
    yield "<!-- GENERATED from shared/protocol.json by `python -m tools.generate`: change that file. -->"
    yield f"# {schema['title']}, version {schema['x-protocol']}"
    yield schema["description"]
    yield _INTRODUCTION
    rows = [
        [kind["title"], f"`{kind['path']}`", "yes" if kind["sends_frames"] else "no"]
        for kind in schema["x-kinds"].values()
    ]
    yield table(["kind of board", "path", "sends frames"], rows)


def _states(schema: Schema) -> Iterator[str]:
    yield "## States of a session"
    yield draw_states(schema)
    rows = [
        [f"`{state}`", meaning, _messages_in(schema, state, "device"), _messages_in(schema, state, "gateway")]
        for state, meaning in schema["x-states"].items()
    ]
    yield table(["state", "meaning", "the device may send", "the gateway may send"], rows)


def _messages_in(schema: Schema, state: str, sender: str) -> str:
    names = (name for name in message_names(schema) if state in schema["$defs"][name]["x-states"])
    return ", ".join(link(name) for name in names if sender in schema["$defs"][name]["x-sender"]) or "nothing"


def _overview(schema: Schema) -> Iterator[str]:
    yield "## Messages"
    rows = []
    for name in message_names(schema):
        rule = schema["$defs"][name]
        reply = link(rule["x-reply"]) if "x-reply" in rule else ""
        rows.append([link(name), " and ".join(rule["x-sender"]), rule["title"], reply])
    yield table(["message", "from", "what it does", "answered by"], rows)


def _messages(schema: Schema) -> Iterator[str]:
    for name in message_names(schema):
        rule = schema["$defs"][name]
        yield f"### {name}"
        yield f"{rule['title']}. {rule['description']}"
        yield _senders_and_states(rule)
        yield _fields(schema, rule)
        yield from map(_example, rule["examples"])
    yield "### Frames"
    bytes_max = schema["x-numbers"]["frame_bytes_max"]["value"]
    kinds = " or ".join(kind["title"] for kind in schema["x-kinds"].values() if kind["sends_frames"])
    yield f"A binary packet from {kinds} is exactly one JPEG, of at most {bytes_max} bytes."


def _senders_and_states(rule: Schema) -> str:
    senders = " or the ".join(rule["x-sender"])
    states = ", ".join(f"`{state}`" for state in rule["x-states"])
    reply = f" Answered by {link(rule['x-reply'])}." if "x-reply" in rule else ""
    return f"Sent by the {senders}, in {states}.{reply}"


def _fields(schema: Schema, rule: Schema) -> str:
    required = rule.get("required", ())
    rows = [
        [f"`{field}`", describe(inner), "yes" if field in required else "", _meaning(schema, inner)]
        for field, inner in rule["properties"].items()
    ]
    return table(["field", "type and bounds", "required", "meaning"], rows)


def _meaning(schema: Schema, rule: Schema) -> str:
    # The description of a field is more precise than that of its shared type.
    if "$ref" in rule and "description" not in rule:
        return _meaning(schema, schema["$defs"][rule["$ref"].removeprefix("#/$defs/")])
    text = rule.get("description", "")
    return f"{text} Never logged.".strip() if rule.get("x-secret") else text


def _example(example: Any) -> str:
    text = json.dumps(example, ensure_ascii=False)
    if len(text) > _EXAMPLE_WIDTH_MAX:
        text = json.dumps(example, ensure_ascii=False, indent=2)
    return f"```json\n{text}\n```"


def _types(schema: Schema) -> Iterator[str]:
    yield "## Shared types"
    messages = message_names(schema)
    for name, rule in schema["$defs"].items():
        if name in messages:
            continue
        yield f"### {name}"
        text = describe(rule)
        yield f"{rule['description']} {text[0].upper()}{text[1:]}."
        if "pattern" in rule:
            yield f"In text: {rule['x-rule']}. Pattern: `{_in_ascii(rule['pattern'])}`"
        if "properties" in rule:
            yield _fields(schema, rule)


def _in_ascii(pattern: str) -> str:
    # What is refused is mostly invisible.
    return "".join(char if char.isascii() else f"\\u{{{ord(char):x}}}" for char in pattern)


def _numbers_and_codes(schema: Schema) -> Iterator[str]:
    yield "## Numbers"
    numbers = schema["x-numbers"].items()
    yield table(["name", "value", "meaning"], [[f"`{n}`", str(e["value"]), e["title"]] for n, e in numbers])
    yield "## Headers of the handshake"
    headers = schema["x-headers"].items()
    yield table(["header", "of the", "meaning"], [[f"`{n}: {e['value']}`", e["of"], e["title"]] for n, e in headers])
    yield "## Close codes"
    closes = schema["x-close-codes"].items()
    yield table(["code", "name", "meaning"], [[code, f"`{e['name']}`", e["title"]] for code, e in closes])
    yield "## Error codes"
    yield "The `code` of an [error](#error)."
    errors = schema["x-error-codes"].items()
    yield table(["code", "meaning"], [[f"`{code}`", meaning] for code, meaning in errors])
