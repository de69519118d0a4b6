"""Generates the boards' tables, messages.py and rules.py in firmware/lib/darvaz: the protocol as constant tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from darvaz.protocol.asyncapi import message_names
from tools.generate.rules import LEGEND, Name, Rule, RuleMaker, references_in

Schema = Mapping[str, Any]

_WIDTH_MAX = 110
_INDENT = 4 * " "
_HEADER = '''\
# GENERATED from shared/protocol.json by `python -m tools.generate`: change that file, never this one.
"""{first_line}

{legend}
"""
'''
_RECEIVED = "The protocol as constant tables: what a board receives."
_DECLARED = "The bounds of what a program declares and configures; loaded while it starts. Rules are as in messages.py."


def build_tables(schema: Schema) -> str:
    """Returns the text of firmware/lib/darvaz/messages.py for a protocol schema."""
    scalar = (assign(name, rule) for name, rule in _rules(schema) if name == "SCALAR")
    sections = [_tables_of_numbers(schema), scalar, _tables_of_messages(schema)]
    return _HEADER.format(first_line=_RECEIVED, legend=LEGEND) + "\n" + _body(sections)


def build_rules(schema: Schema) -> str:
    """Returns the text of firmware/lib/darvaz/rules.py for a protocol schema."""
    header = _HEADER.replace("\n\n{legend}\n", "").format(first_line=_DECLARED)
    rules = (assign(name, rule) for name, rule in _rules(schema))
    return header + "\n" + _body([_number(schema, "text_bytes_max"), rules])


def _body(sections: Iterable[Iterator[str]]) -> str:
    return "\n".join("\n".join(lines) + "\n" for lines in sections)


def _number(schema: Schema, name: str) -> Iterator[str]:
    yield f"# {schema['x-numbers'][name]['title']}"
    yield assign(name.upper(), schema["x-numbers"][name]["value"])


def _tables_of_numbers(schema: Schema) -> Iterator[str]:
    for name in ("depth_max", "frame_bytes_max"):
        yield from _number(schema, name)
    yield "# Close codes after which connecting again soon is useless."
    codes = schema["x-close-codes"].items()
    yield assign("REFUSALS", tuple(int(code) for code, entry in codes if entry.get("x-refuses")))


def _rules(schema: Schema) -> Iterator[tuple[str, Rule]]:
    maker = RuleMaker(schema)
    for name in _named_definitions(schema):
        yield name.upper(), maker.definition(name)


def _named_definitions(schema: Schema) -> list[str]:
    """Returns the definitions that boards need by name; all others are inlined."""
    rest = {name: rule for name, rule in schema["$defs"].items() if name not in message_names(schema)}
    referenced = {target for rule in schema["$defs"].values() for target in references_in(rule)}
    return [name for name, rule in rest.items() if name in referenced or "pattern" in rule]


def _tables_of_messages(schema: Schema) -> Iterator[str]:
    maker = RuleMaker(schema)
    messages = {name: schema["$defs"][name] for name in message_names(schema)}
    yield "# Messages of a gateway: type -> fields besides type."
    from_gateway = {name: _of_gateway(rule) for name, rule in messages.items() if "gateway" in rule["x-sender"]}
    fields = {name: maker.fields(rule) for name, rule in from_gateway.items()}
    yield assign("FROM_GATEWAY", fields, is_open=True)


def _of_gateway(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a message without the fields that only devices send: boards have little memory."""
    fields = {
        name: field for name, field in rule["properties"].items() if "gateway" in field.get("x-sender", ["gateway"])
    }
    return {**rule, "properties": fields}


# Python source in the form of the formatter


def assign(name: str, value: Any, is_open: bool = False) -> str:
    """Returns `name = value`, on one line if it fits; with `is_open`, each of several entries has its own line."""
    return f"{name} = {_render(value, len(name) + 3, '', is_open)}"


def _render(value: Any, column: int, indent: str, is_open: bool = False) -> str:
    line = _flat(value)
    # The formatter writes a tuple of one item on one line.
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
        raise ValueError(f"{text!r} needs escapes, which the boards' tables do not support")
    return f'"{text}"'
