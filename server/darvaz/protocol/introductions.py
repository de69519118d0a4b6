"""Introductions of boards that declare what others declared: only the rest of these is read.

A board with twenty commands and twenty names sends 3.5 KB when it connects, nearly all of it the same for every board
with its program. Those parts are left as text at first, and looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from darvaz.protocol.name_rules import NameRules
from darvaz.protocol.schema_types import TypeMaker
from darvaz.protocol.shared_parts import SHARED, SharedParts


class IntroductionReader:
    """Reads `connect` messages whose parts are known; all others are for the codec."""

    def __init__(
        self, document: Mapping[str, Any], type_: type[msgspec.Struct], rules: NameRules, parts: SharedParts
    ) -> None:
        # With a field that the schema does not have, a text is left to the codec: it may nest as deep as it likes.
        unread = TypeMaker(document, proves_names=False, raw_fields=SHARED).definition("connect")
        self._decode = msgspec.json.Decoder(unread).decode
        self._type, self._rules, self._parts = type_, rules, parts
        self._maps = [name for name, _ in rules.maps[type_] if name not in SHARED]

    def read(self, text: str) -> Any:
        """Returns the `connect` that a text is, with shared parts; None for any other text, and where one is unknown.

        The parts are sound, and nest no deeper than they may: they were in a text that the codec read.
        """
        fields = self._unread(text)
        if fields is None:
            return None
        for name in SHARED:
            raw = fields[name]
            if raw is not msgspec.UNSET:
                part = fields[name] = self._parts.find(name, bytes(raw))
                if part is None:
                    return None
        for name in self._maps:
            names = fields[name]
            if names is not msgspec.UNSET and not self._rules.prove(names):
                return None
        return self._type(**fields)

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
