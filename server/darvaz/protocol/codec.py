"""The gateway's reading of shared/protocol.json: text to message or fault, message to text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from darvaz.protocol.duplicate_keys import KeyCounter, shows_each_key_once
from darvaz.protocol.faults import Fault, JsonTrouble, explain, find_json_trouble, look
from darvaz.protocol.schema import load_schema
from darvaz.protocol.schema_types import TypeMaker
from darvaz.protocol.validation_text import Wording

Message = msgspec.Struct


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of board: its name in tokens and journal, its path, and whether it sends frames."""

    name: str
    path: str
    title: str
    sends_frames: bool


class MessageCodec:
    """Parses what devices send and dumps what the gateway says, by one schema document.

    Public tables, all from the document: `kinds`, `numbers`, `close_codes` (name → code),
    `error_codes`, `states_of` (message type → names of the states in which it is heard).
    """

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        self.document = load_schema() if document is None else document
        types = TypeMaker(self.document)
        names = [option["$ref"].removeprefix("#/$defs/") for option in self.document["oneOf"]]
        self.messages: dict[str, Any] = {name: self.document["$defs"][name] for name in names}
        self.types: dict[str, Any] = {name: types.definition(name) for name in names}
        self._wording = Wording(self.document["$defs"], names)
        self._read_tables()
        from_devices = [n for n in names if "device" in self.messages[n]["x-sender"]]
        self._decoder = msgspec.json.Decoder(_union([self.types[n] for n in from_devices]))
        self._decode = self._decoder.decode
        self._encode = msgspec.json.Encoder().encode
        self._counted = {
            self.types[n]: KeyCounter(self.messages[n], self.document["$defs"], self._depth_max) for n in from_devices
        }

    def _read_tables(self) -> None:
        document = self.document
        self.version: int = document["x-protocol"]
        self.kinds = {name: Kind(name=name, **kind) for name, kind in document["x-kinds"].items()}
        self.numbers: dict[str, int] = {n: entry["value"] for n, entry in document["x-numbers"].items()}
        self.close_codes = {entry["name"]: int(code) for code, entry in document["x-close-codes"].items()}
        self.error_codes: Mapping[str, str] = document["x-error-codes"]
        self.states_of = {n: frozenset(m["x-states"]) for n, m in self.messages.items()}
        self._depth_max = self.numbers["depth_max"]

    # Receiving

    def parse(self, text: str | bytes) -> Message | Fault:
        """Returns the message that a device sent, or the fault that says which rule it broke.

        Never raises for what a peer sends.
        """
        if isinstance(text, bytes):
            return self._parse_bytes(text)
        try:
            message: Message = self._decode(text)
        except msgspec.ValidationError as error:
            value = look(text, self._depth_max)
            return value if isinstance(value, Fault) else explain(value, str(error), self._wording)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return find_json_trouble(text, self._depth_max) or JsonTrouble.MALFORMED.fault
        counter, colons = self._counted[type(message)], text.count(":")
        if (
            colons != counter.plain_colons
            and not counter.proves_sound(message, text, colons)
            and not shows_each_key_once(text, colons, self._depth_max)
        ):
            return find_json_trouble(text, self._depth_max) or message
        return message

    def _parse_bytes(self, data: bytes) -> Message | Fault:
        try:
            return self.parse(data.decode())
        except UnicodeDecodeError:
            return JsonTrouble.MALFORMED.fault

    # Sending

    def make(self, type_: str, /, **fields: Any) -> Message:
        """Returns a message of the gateway, unchecked: its fields are the gateway's own."""
        made: Message = self.types[type_](**fields)
        return made

    def check(self, name: str, fields: Mapping[str, Any]) -> Message | Fault:
        """Returns a message made from what a person asked for, or the fault in it."""
        wanted = {"type": name, **fields}
        try:
            made: Message = msgspec.convert(wanted, self.types[name])
        except msgspec.ValidationError as error:
            return explain(wanted, str(error), self._wording)
        return made

    def dump(self, message: Message) -> str:
        """Returns the JSON text of a message."""
        return self._encode(message).decode()


def type_name(message: Message) -> str:
    """Returns the `type` that a message carries on the wire."""
    name: str = type(message).__name__
    return name


def _union(members: list[Any]) -> Any:
    joined = members[0]
    for member in members[1:]:
        joined = joined | member
    return joined
