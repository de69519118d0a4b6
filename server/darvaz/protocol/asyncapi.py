"""The protocol as an AsyncAPI 3.0 document, from the gateway's side: what it receives and what it sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]
Schema = Mapping[str, Any]

_DEFINITION = "#/$defs/"
_SCHEMAS = "#/components/schemas/"
_FRAME = "frame"
_ACTIONS = {"device": "receive", "gateway": "send"}
_WS_BINDING_VERSION = "0.1.0"


def build_asyncapi(schema: Schema) -> Document:
    """Returns the AsyncAPI 3.0 document of a protocol schema; the same schema gives the same document."""
    names = message_names(schema)
    return {
        "asyncapi": "3.0.0",
        "info": _info(schema),
        "defaultContentType": "application/json",
        "servers": {"gateway": _server()},
        "channels": {kind: _channel(kind, entry, names) for kind, entry in schema["x-kinds"].items()},
        "operations": {
            key: operation
            for kind, entry in schema["x-kinds"].items()
            for key, operation in _operations(schema, kind, entry, names)
        },
        "components": _components(schema, names),
        "x-numbers": schema["x-numbers"],
        "x-close-codes": schema["x-close-codes"],
        "x-error-codes": schema["x-error-codes"],
    }


def message_names(schema: Schema) -> list[str]:
    """Returns the types of all messages, in the order of the schema."""
    return [option["$ref"].removeprefix(_DEFINITION) for option in schema["oneOf"]]


# Info, servers and channels


def _info(schema: Schema) -> Document:
    return {
        "title": schema["title"],
        "version": str(schema["x-protocol"]),
        "description": schema["description"],
        "license": {"name": "MIT"},
    }


def _server() -> Document:
    return {
        "host": "{host}:{port}",
        "protocol": "ws",
        "description": "The gateway in your own network.",
        "variables": {
            "host": {"default": "localhost", "description": "Address or name of the gateway."},
            "port": {"default": "3000", "description": "Port of the gateway."},
        },
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }


def _channel(kind: str, entry: Schema, names: list[str]) -> Document:
    messages = [*names, _FRAME] if entry["sends_frames"] else names
    return {
        "address": entry["path"],
        "title": entry["title"],
        "description": f"The link of one {entry['title']} board.",
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": _handshake()},
    }


def _handshake() -> Document:
    authorization = {
        "type": "string",
        "pattern": "^Bearer .+$",
        "description": "A client that cannot set this header sends auth as its first message instead.",
    }
    headers = {"type": "object", "properties": {"Authorization": authorization}}
    return {"method": "GET", "headers": headers, "bindingVersion": _WS_BINDING_VERSION}


# Operations


def _operations(schema: Schema, kind: str, entry: Schema, names: list[str]) -> Iterator[tuple[str, Document]]:
    for name in names:
        message = schema["$defs"][name]
        for sender in message["x-sender"]:
            yield _operation(kind, sender, name, message)
    if entry["sends_frames"]:
        yield _operation(kind, "device", _FRAME, {"title": "Sends one image"})


def _operation(kind: str, sender: str, name: str, message: Schema) -> tuple[str, Document]:
    action = _ACTIONS[sender]
    key = f"{action}_{name}_{'from' if action == 'receive' else 'to'}_{kind}"
    channel = {"$ref": f"#/channels/{kind}"}
    operation: Document = {
        "action": action,
        "channel": channel,
        "title": message["title"],
        "messages": [_message_reference(kind, name)],
    }
    if "x-reply" in message:
        operation["reply"] = {"channel": channel, "messages": [_message_reference(kind, message["x-reply"])]}
    return key, operation


def _message_reference(kind: str, name: str) -> Document:
    return {"$ref": f"#/channels/{kind}/messages/{name}"}


# Components


def _components(schema: Schema, names: list[str]) -> Document:
    messages = {name: _message(name, schema["$defs"][name]) for name in names}
    messages[_FRAME] = _frame(schema)
    return {
        "messages": messages,
        "schemas": {name: _payload_schema(rule) for name, rule in schema["$defs"].items()},
        "correlationIds": {"id": {"location": "$message.payload#/id"}},
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of the board's kind; not needed from the gateway's own machine.",
            }
        },
    }


def _message(name: str, rule: Schema) -> Document:
    message: Document = {
        "name": name,
        "title": rule["title"],
        "summary": rule["description"],
        "payload": {"$ref": _SCHEMAS + name},
        "examples": [{"payload": example} for example in rule["examples"]],
    }
    if "id" in rule["properties"]:
        message["correlationId"] = {"$ref": "#/components/correlationIds/id"}
    return message


def _frame(schema: Schema) -> Document:
    bytes_max = schema["x-numbers"]["frame_bytes_max"]["value"]
    return {
        "name": _FRAME,
        "title": "One image",
        "summary": f"A binary packet: exactly one JPEG (FF D8 ... FF D9) of at most {bytes_max} bytes.",
        "contentType": "image/jpeg",
        "payload": {
            "type": "string",
            "format": "binary",
            "contentMediaType": "image/jpeg",
            "maxLength": bytes_max,
        },
    }


def _payload_schema(rule: Schema) -> Document:
    kept = {key: value for key, value in rule.items() if key != "examples"}
    moved: Document = _with_moved_references(kept)
    return moved


def _with_moved_references(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _moved(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_moved_references(inner) for inner in value]
    return value


def _moved(key: str, value: Any) -> Any:
    if key == "$ref":
        return _SCHEMAS + value.removeprefix(_DEFINITION)
    return _with_moved_references(value)
