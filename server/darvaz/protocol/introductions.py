"""Introductions of boards that declare what others declared: only the rest of these is read.

A board with twenty commands and twenty names sends 3.5 KB when it connects, nearly all of it the same for every board
with its program. Those parts are left as text at first, and looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from darvaz.protocol.name_rules import NameRules
from darvaz.protocol.schema_types import TypeMaker
from darvaz.protocol.shared_parts import SHARED, SharedPart, SharedParts

# Of each field, the parts that are looked for in a text before that is parsed.
RECENT_MAX = 4
# Stands for a part that was found so. No text that has it is searched.
_MARK = "7305021984"
_RAW_MARK = _MARK.encode()


def decoder_of_unread(document: Mapping[str, Any]) -> Callable[[str | bytes], msgspec.Struct]:
    """Returns what decodes a `connect` whose parts are left as text.

    With a field that the schema does not have, a text is left to the codec: it may nest as deep as it likes.
    """
    unread = TypeMaker(document, proves_names=False, raw_fields=SHARED).definition("connect")
    decode: Callable[[str | bytes], msgspec.Struct] = msgspec.json.Decoder(unread).decode
    return decode


class IntroductionReader:
    """Reads `connect` messages whose parts are known; all others are for the codec."""

    def __init__(
        self,
        decode: Callable[[str | bytes], msgspec.Struct],
        type_: type[msgspec.Struct],
        rules: NameRules,
        parts: SharedParts,
    ) -> None:
        self._decode = decode
        self._type, self._rules, self._parts = type_, rules, parts
        self._maps = [name for name, _ in rules.maps[type_] if name not in SHARED]
        # Field → pairs of a text and its part, the one that came last first.
        self._recent: dict[str, list[Any]] = {name: [] for name in SHARED}

    def read(self, text: str) -> Any:
        """Returns the `connect` that a text is, with shared parts; None for any other text, and where one is unknown.

        The parts are sound, and nest no deeper than they may: they were in a text that the codec read.
        """
        short, found = self._without_recent(text)
        fields = self._unread(short)
        if fields is None:
            return None
        for name in SHARED:
            raw = fields[name]
            if raw is not msgspec.UNSET:
                json = bytes(raw)
                part = fields[name] = found.get(name) if json == _RAW_MARK else self._find(name, json)
                if part is None:
                    return None
        for name in self._maps:
            names = fields[name]
            if names is not msgspec.UNSET and not self._rules.prove(names):
                return None
        return self._type(**fields)

    def _find(self, name: str, json: bytes) -> SharedPart | None:
        part = self._parts.find(name, json)
        if part is not None:
            recent = self._recent[name]
            recent.insert(0, (json.decode(), part))
            del recent[RECENT_MAX:]
        return part

    def _without_recent(self, text: str) -> tuple[str, dict[str, SharedPart]]:
        """Returns a text with marks for the parts in it that came last, and these: to skip them takes most of its time.

        Where a part stands is not known before the rest is parsed: another place than its field's is not accepted.
        """
        found: dict[str, SharedPart] = {}
        if _MARK in text:
            return text, found
        for name in SHARED:
            start = text.find(f'"{name}":') + len(name) + 3
            if text[start : start + 1] == " ":
                start += 1
            recent = self._recent[name]
            for index, (json, part) in enumerate(recent):
                if text.startswith(json, start):
                    text = f"{text[:start]}{_MARK}{text[start + len(json) :]}"
                    found[name] = part
                    if index:
                        recent.insert(0, recent.pop(index))
                    break
        return text, found

    def learn(self, text: str, connect: Any) -> None:
        """Keeps the parts of an introduction that the codec read from a text, and has it share them."""
        fields = self._unread(text)
        for name in SHARED if fields is not None else ():
            raw = fields[name]  # type: ignore[index]
            if raw is not msgspec.UNSET:
                part = msgspec.to_builtins(getattr(connect, name))
                setattr(connect, name, self._parts.learn(name, bytes(raw), part))

    def _unread(self, text: str) -> dict[str, Any] | None:
        """Returns the fields of a `connect`, with its parts as text; None for any other text."""
        try:
            return msgspec.structs.asdict(self._decode(text if text.isascii() else text.encode()))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
