"""Writes the boards' table module: the protocol as constant tuples, small and quick to import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from darvaz.asyncapi import message_names
from tools.generate.rules import LEGEND, Name, RuleMaker, held_by

Schema = Mapping[str, Any]

_WIDTH_MAX = 110
_INDENT = 4 * " "
_HEADER = '''\
# GENERATED from shared/protocol.json by `python -m tools.generate`: change that file, never this one.
"""The protocol as constant tables: what a board may say and hear, when, and within which bounds.

{legend}
"""
'''


def build_tables(schema: Schema) -> str:
    """Returns the text of firmware/lib/darvaz/messages.py for a protocol schema."""
    sections = [_tables_of_numbers(schema), _tables_of_rules(schema), _tables_of_messages(schema)]
    body = "\n".join("\n".join(lines) + "\n" for lines in sections)
    return _HEADER.format(legend=LEGEND) + "\n" + body


def _tables_of_numbers(schema: Schema) -> Iterator[str]:
    yield assign("PROTOCOL", schema["x-protocol"])
    for name, entry in schema["x-numbers"].items():
        yield f"# {entry['title']}"
        yield assign(name.upper(), entry["value"])
    yield ""
    for code, entry in schema["x-close-codes"].items():
        yield f"# {entry['title']}"
        yield assign(f"CLOSE_{entry['name'].upper()}", int(code))
    yield ""
    yield assign("ERROR_CODES", tuple(schema["x-error-codes"]))
    yield ""
    yield "# Kind of board: its path, and whether it sends frames."
    kinds = schema["x-kinds"].items()
    yield assign("KINDS", {name: (kind["path"], kind["sends_frames"]) for name, kind in kinds})


def _tables_of_rules(schema: Schema) -> Iterator[str]:
    maker = RuleMaker(schema)
    for name in _lasting(schema):
        yield from _comment(schema["$defs"][name])
        yield assign(name.upper(), maker.definition(name))


def _lasting(schema: Schema) -> list[str]:
    """Returns the definitions that boards need by name; the others stand in the fields that use them."""
    rest = {name: rule for name, rule in schema["$defs"].items() if name not in message_names(schema)}
    held = {target for rule in schema["$defs"].values() for target in held_by(rule)}
    return [name for name, rule in rest.items() if name in held or "pattern" in rule]


def _comment(rule: Schema) -> Iterator[str]:
    if "description" in rule:
        yield f"# {rule['description']}"
    if "pattern" in rule:
        yield f"# That is, {rule['x-rule']}:"
        yield f"# {rule['pattern']}"


def _tables_of_messages(schema: Schema) -> Iterator[str]:
    maker = RuleMaker(schema)
    names = message_names(schema)
    messages = {name: schema["$defs"][name] for name in names}
    for name in names:
        yield f"# {messages[name]['title']}."
        yield assign(_private(name), maker.fields(messages[name]), is_open=True)
    for sender in ("device", "gateway"):
        said = [name for name in names if sender in messages[name]["x-sender"]]
        yield ""
        yield f"# What a {sender} says: message type -> fields besides type."
        yield assign(f"FROM_{sender.upper()}", {name: Name(_private(name)) for name in said}, is_open=True)
    yield ""
    yield "# The states of a session, first to last, and those in which each message is heard."
    yield assign("STATES", tuple(schema["x-states"]))
    yield assign("HEARD_IN", {name: tuple(m["x-states"]) for name, m in messages.items()}, is_open=True)
    yield ""
    yield "# The message that answers each message which asks for one."
    replies = {name: m["x-reply"] for name, m in messages.items() if "x-reply" in m}
    yield assign("REPLIES", replies)


def _private(name: str) -> str:
    return f"_{name.upper()}"


# Writing Python as the formatter would


def assign(name: str, value: Any, is_open: bool = False) -> str:
    """Returns `name = value`, on one line if it fits; an open one of several entries has each on its own."""
    return f"{name} = {_render(value, len(name) + 3, '', is_open)}"


def _render(value: Any, column: int, indent: str, is_open: bool = False) -> str:
    line = _flat(value)
    # The formatter closes up a tuple of one, however it was written.
    is_one = isinstance(value, tuple) and len(value) == 1
    fits = (is_one or not is_open) and column + len(line) <= _WIDTH_MAX
    if fits or not value or not isinstance(value, tuple | dict):
        return line
    deeper = indent + _INDENT
    if isinstance(value, tuple):
        rows = [_render(inner, len(deeper) + 1, deeper) for inner in value]
        return "(\n" + "".join(f"{deeper}{row},\n" for row in rows) + f"{indent})"
    rows = []
    for key, inner in value.items():
        start = f"{_flat(key)}: "
        rows.append(start + _render(inner, len(deeper) + len(start) + 1, deeper))
    return "{\n" + "".join(f"{deeper}{row},\n" for row in rows) + f"{indent}}}"


def _flat(value: Any) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(_flat, value))}{comma})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(key)}: {_flat(inner)}" for key, inner in value.items()) + "}"
    return repr(value)


def _quoted(text: str) -> str:
    if not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
        raise ValueError(f"{text!r} would need escaping in the boards' tables")
    return f'"{text}"'
