"""One object for all equal parts of introductions: boards with the same program declare the same commands and names."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import msgspec

# The fields of `connect` that boards have in common.
SHARED = ("commands", "telemetry")
PARTS_MAX = 256
# Texts of boards that are known to mean a part, for each of these fields; a text has 16 KB at most.
TEXTS_MAX = 256

# Texts that boards have in common; the interpreter forgets them with the last board that has them.
_SHARED_TEXTS = ("version", "board", "reset_cause")


class SharedPart(dict[str, Any]):
    """A part that several devices may have; nobody changes it, or what is in it."""

    __slots__ = ()

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        raise TypeError("a part of an introduction is shared, and does not change")

    def __delitem__(self, name: str) -> NoReturn:
        self[name] = None


class SharedParts:
    """Keeps the newest `PARTS_MAX` parts, and `TEXTS_MAX` texts of each; others are only not shared."""

    def __init__(self, parts_max: int = PARTS_MAX, texts_max: int = TEXTS_MAX) -> None:
        self._parts_max, self._texts_max = parts_max, texts_max
        # Their JSON → the part, the first that was added first.
        self._kept: dict[bytes, SharedPart] = {}
        # Field → JSON as boards sent it, and was found to be sound → the part that it means; the first added first.
        self._texts: dict[str, dict[bytes, SharedPart]] = {name: {} for name in SHARED}

    def find(self, name: str, text: bytes) -> SharedPart | None:
        """Returns the part that a text of a field is known to mean, or None."""
        return self._texts[name].get(text)

    def learn(self, name: str, text: bytes, part: dict[str, Any]) -> SharedPart:
        """Keeps which part a sound text of a field means, and returns that."""
        texts = self._texts[name]
        shared = texts[text] = self._shared(part)
        if len(texts) > self._texts_max:
            del texts[next(iter(texts))]
        return shared

    def fields_of(self, connect: msgspec.Struct) -> dict[str, Any]:
        """Returns the fields of an introduction that was parsed; parts that are shared already are not looked at."""
        shared = {name: part for name in SHARED if type(part := getattr(connect, name)) is SharedPart}
        rest = msgspec.structs.replace(connect, **dict.fromkeys(shared, msgspec.UNSET)) if shared else connect
        fields: dict[str, Any] = msgspec.to_builtins(rest)
        return self.share(fields | shared)

    def share(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Replaces the parts of an introduction by equal ones that are kept, and returns it."""
        for name in _SHARED_TEXTS:
            if name in fields:
                fields[name] = sys.intern(fields[name])
        for name in SHARED:
            part = fields.get(name)
            if part and type(part) is not SharedPart:
                fields[name] = self._shared(part)
        return fields

    def _shared(self, part: dict[str, Any]) -> SharedPart:
        shared = self._kept.setdefault(msgspec.json.encode(part), SharedPart(part))
        if len(self._kept) > self._parts_max:
            del self._kept[next(iter(self._kept))]
        return shared
