"""MessageCodec: text to message or fault, and message to text, by shared/protocol.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from darvaz.protocol.device_ids import DeviceIds
from darvaz.protocol.faults import Fault, JsonFault, describe_fault, find_json_fault, nests_deeper, parse_strictly
from darvaz.protocol.introductions import IntroductionReader, decoder_of_unread
from darvaz.protocol.name_rules import NameRules
from darvaz.protocol.no_values import without_no_values
from darvaz.protocol.schema import load_schema
from darvaz.protocol.schema_types import TypeMaker
from darvaz.protocol.shared_parts import SharedParts
from darvaz.protocol.validation_text import RuleExplainer

Message = msgspec.Struct


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of board: its name in tokens and journal, its path, and whether it sends frames."""

    name: str
    path: str
    title: str
    sends_frames: bool


class SchemaTypes:
    """What is made of a schema document: types and decoders of its messages, which do not change."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.names = [option["$ref"].removeprefix("#/$defs/") for option in document["oneOf"]]
        from_devices = [name for name in self.names if "device" in document["$defs"][name]["x-sender"]]
        strict, quick = TypeMaker(document), TypeMaker(document, proves_names=False)
        self.strict: dict[str, Any] = {name: strict.definition(name) for name in self.names}
        self.types: dict[str, Any] = self.strict | {name: quick.definition(name) for name in from_devices}
        self.name_rules = NameRules(document, {name: self.types[name] for name in from_devices})
        self.decode_quickly = msgspec.json.Decoder(_union([self.types[name] for name in from_devices])).decode
        self.decode_unread = decoder_of_unread(document)
        self.decode_strictly = msgspec.json.Decoder(_union([self.strict[name] for name in from_devices])).decode


@cache
def _types_of_our_schema() -> SchemaTypes:
    """Returns those of shared/protocol.json, made once in a process."""
    return SchemaTypes(load_schema())


class MessageCodec:
    """Parses the messages of devices and dumps those of the gateway, by one schema document.

    All attributes come from the document and do not change: `messages` (type → its JSON Schema), `types` (type →
    msgspec type), `kinds` (name → `Kind`), `numbers` (name → value), `close_codes` (name → code), `error_codes`
    (code → meaning), `states_of` (type → names of the states in which it is accepted). Two of
    them learn: `device_ids`, at the start, which ids of an earlier version go on; and `shared_parts`, of introductions.
    """

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        self.document = load_schema() if document is None else document
        made = _types_of_our_schema() if document is None else SchemaTypes(document)
        self.messages: dict[str, Any] = {name: self.document["$defs"][name] for name in made.names}
        self._strict_types = made.strict
        self.types = made.types
        self._name_rules = made.name_rules
        self._maps = self._name_rules.maps
        self.device_ids = DeviceIds()
        self.shared_parts = SharedParts()
        connect = made.types["connect"]
        self._introductions = IntroductionReader(made.decode_unread, connect, made.name_rules, self.shared_parts)
        self._explainer = RuleExplainer(self.document["$defs"], made.names)
        self._read_tables()
        self._decode_quickly = made.decode_quickly
        self._decode_strictly = made.decode_strictly
        self._encode = msgspec.json.Encoder().encode

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
        """Returns the message that a device sent, or the fault that names the rule it broke; raises for no input.

        Of a key that is given twice, the last value counts.
        """
        if isinstance(text, bytes):
            return self._parse_bytes(text)
        try:
            # Of a text that is not ASCII, msgspec leaves the bytes with it, and the journal keeps it for minutes.
            message: Message = self._decode_quickly(text if text.isascii() else text.encode())
            if type(message) in self._maps and not self._name_rules.are_kept(message):
                # Raises what is wrong with a name.
                self._decode_strictly(text)
        except msgspec.ValidationError as error:
            value = parse_strictly(text, self._depth_max)
            if isinstance(value, Fault):
                return value
            return self._parse_kept(value) or describe_fault(value, str(error), self._explainer)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return find_json_fault(text, self._depth_max) or JsonFault.MALFORMED.fault
        # A text nests no deeper than it has opening brackets: the levels are counted of those with many.
        if "[" not in text and text.find("{", 1) < 0:
            return message
        brackets = text.count("{") + (text.count("[") if "[" in text else 0)
        if brackets > self._depth_max and nests_deeper(text, self._depth_max):
            return find_json_fault(text, self._depth_max) or message
        return message

    def parse_first(self, text: str) -> Message | Fault:
        """Does what `parse` does, quickly for a `connect` that declares what another did; they share what is equal."""
        known: Message | None = self._introductions.read(text)
        if known is not None:
            return known
        message = self.parse(text)
        if type(message) is self.types["connect"]:
            self._introductions.learn(text, message)
        return message

    def _parse_kept(self, value: Any) -> Message | None:
        """Returns the `connect` of a device whose id an earlier version accepted, or None."""
        device = value.get("device") if isinstance(value, dict) and value.get("type") == "connect" else None
        if not isinstance(device, str) or device not in self.device_ids.kept:
            return None
        try:
            made: Any = self._decode(self._encode({**value, "device": "kept"}))
        except (msgspec.MsgspecError, OverflowError):
            return None
        made.device = device
        message: Message = made
        return message

    def _decode(self, data: bytes) -> Message:
        """Returns a sound message; raises `msgspec.ValidationError` for others."""
        message: Message = self._decode_quickly(data)
        if type(message) in self._maps and not self._name_rules.are_kept(message):
            self._decode_strictly(data)
        return message

    def _parse_bytes(self, data: bytes) -> Message | Fault:
        try:
            return self.parse(data.decode())
        except UnicodeDecodeError:
            return JsonFault.MALFORMED.fault

    def parse_rest(self, text: str) -> tuple[Message, list[str]] | None:
        """Returns what is right in a message that `parse` refused for values that are not numbers, and their names."""
        found = without_no_values(text)
        if found is None:
            return None
        try:
            message: Message = self._decode(self._encode(found[0]))
        except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError):
            return None
        return message, found[1]

    # Sending

    def make(self, type_: str, /, **fields: Any) -> Message:
        """Returns a message of the gateway; its fields are not checked."""
        made: Message = self.types[type_](**fields)
        return made

    def check(self, name: str, fields: Mapping[str, Any]) -> Message | Fault:
        """Returns a message made from what a person or program requested, or the fault in it."""
        given = {"type": name, **fields}
        try:
            made: Message = msgspec.convert(given, self._strict_types[name])
        except msgspec.ValidationError as error:
            return describe_fault(given, str(error), self._explainer)
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
