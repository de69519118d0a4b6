"""The page of the API for people: plain HTML from the OpenAPI document, without scripts or other hosts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

Schema = Mapping[str, Any]

_BOUNDS = {
    "minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "up to {}", "exclusiveMaximum": "below {}",
    "minLength": "at least {} long", "maxLength": "at most {} long", "default": "default {}",
}  # fmt: skip


def build_docs_page(document: Mapping[str, Any]) -> str:
    """Returns the page; all text in it is escaped."""
    body = [
        f"<h1>{escape(document['info']['title'])} API</h1>",
        f'<p class="quiet">Version {escape(document["info"]["version"])} · <a href="../openapi.json">openapi.json</a> ·'
        ' <a href="../asyncapi.json">asyncapi.json</a> · <a href="../protocol.json">protocol.json</a> ·'
        ' <a href="../">dashboard</a></p>',
        *(f"<p>{_prose(part)}</p>" for part in document["info"]["description"].split("\n\n")),
        *(part for tag in document["tags"] for part in _tag(document, tag["name"])),
        "<h2>Types</h2>",
        *(_type(name, schema) for name, schema in sorted(document["components"]["schemas"].items())),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Darvaz API</title>'
        '<link rel="stylesheet" href="../pages/styles/plain.css">'
        "</head><body><main>" + "\n".join(body) + "</main></body></html>"
    )


def _tag(document: Mapping[str, Any], tag: str) -> Iterator[str]:
    yield f"<h2>{escape(tag)}</h2>"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield _operation(path, method, operation)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = [f"<p>{escape(operation['description'])}</p>"]
    if "parameters" in operation:
        rows = [
            (
                f"<code>{escape(p['name'])}</code>",
                escape(p["in"]),
                _shape(p["schema"]),
                escape(p.get("description", "")),
            )
            for p in operation["parameters"]
        ]
        parts.append("<h3>Parameters</h3>" + _table(rows))
    if "requestBody" in operation:
        parts.append(f"<h3>Body</h3><p>{_content(operation['requestBody'])}</p>")
    answers = [
        (f"<code>{escape(status)}</code>", escape(answer["description"]), _content(answer))
        for status, answer in operation["responses"].items()
    ]
    parts.append("<h3>Answers</h3>" + _table(answers))
    verb, summary, identity = (
        escape(text) for text in (method.upper(), operation["summary"], operation["operationId"])
    )
    head = f'<span class="method">{verb}</span> <code>{escape(path)}</code> {summary}'
    return f'<details id="{identity}"><summary>{head}</summary><div>{"".join(parts)}</div></details>'


def _type(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(field)}</code>{'' if field in required else ' <small>optional</small>'}",
            _shape(rule),
            escape(rule.get("description", "")),
        )
        for field, rule in schema.get("properties", {}).items()
    ]
    described = f"<p>{escape(schema.get('description', ''))}</p>"
    return (
        f'<details id="type-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<div>{described}{_table(rows) if rows else _shape(schema)}</div></details>"
    )


def _content(holder: Mapping[str, Any]) -> str:
    lines = [f"{escape(media)}: {_shape(body['schema'])}" for media, body in holder.get("content", {}).items()]
    return "<br>".join(lines)


def _shape(schema: Schema) -> str:
    """Returns a type in a few words; names of other types are links."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_shape(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    kind = escape(str(schema.get("type", "anything")))
    if kind == "array" and "items" in schema:
        kind = f"list of {_shape(schema['items'])}"
    elif kind == "array" and "prefixItems" in schema:
        kind = f"[{', '.join(_shape(item) for item in schema['prefixItems'])}]"
    elif kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        kind = f"object of {_shape(schema['additionalProperties'])}"
    bounds = [escape(words.format(schema[key])) for key, words in _BOUNDS.items() if key in schema]
    return ", ".join([kind, *bounds])


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    return "<table>" + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows) + "</table>"
