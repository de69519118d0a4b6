"""One object for all equal parts of introductions: boards with the same program declare the same commands and names."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

PARTS_MAX = 256

_SHARED = ("commands", "telemetry")
# Texts that boards have in common; the interpreter forgets them with the last board that has them.
_SHARED_TEXTS = ("version", "board", "reset_cause")


class SharedParts:
    """Keeps the newest `PARTS_MAX` parts; nobody changes them. Those that are no longer kept are only not shared."""

    def __init__(self, parts_max: int = PARTS_MAX) -> None:
        self._parts_max = parts_max
        # Their JSON → the part, the first that was added first.
        self._kept: dict[bytes, Any] = {}

    def share(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Replaces the parts of an introduction by equal ones that are kept, and returns it."""
        for name in _SHARED_TEXTS:
            if name in fields:
                fields[name] = sys.intern(fields[name])
        for name in _SHARED:
            part = fields.get(name)
            if part:
                fields[name] = self._kept.setdefault(msgspec.json.encode(part), part)
                if len(self._kept) > self._parts_max:
                    del self._kept[next(iter(self._kept))]
        return fields
