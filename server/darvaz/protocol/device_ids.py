"""One spelling for each device id: ids that look alike are the same, and those of earlier versions go on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from darvaz.protocol.schema import load_schema

_RULE = load_schema()["$defs"]["device_id"]
_CHARS_MAX: int = _RULE["maxLength"]
# Python's $ also matches before a final line break.
_PATTERN = re.compile(_RULE["pattern"].removesuffix("$") + r"\Z")

# A joiner shows in these places only (UAX 31, section 2.3, rules A1, A2 and B): a non-joiner after an Arabic letter
# that joins its left neighbour, and either of them after the virama of an Indic script.
_JOINING = "ؠئبت-خس-ؿف-هىيٮٯٸ-ڇښ-ڿہۂیێېۑۺ-ۼۿ"
_ARABIC = "ء-يٮ-ۓەۺ-ۿ"
_MARKS = "\u064b-\u0652\u0670"
_VIRAMAS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca\u1039"
_JOINERS = re.compile(
    f"([{_JOINING}][{_MARKS}]*\u200c)[\u200c\u200d]*(?=[{_ARABIC}])|([{_VIRAMAS}][\u200c\u200d])|[\u200c\u200d]"
)


def normal_id(text: str) -> str | None:
    """Returns the one spelling of a device id, or None for what is not one.

    That is Unicode's form NFC (UAX 15) without joiners that do not show (UAX 31, UTS 39).
    """
    normal = unicodedata.normalize("NFC", _JOINERS.sub(_kept_joiner, text))
    return normal if len(normal) <= _CHARS_MAX and _PATTERN.match(normal) else None


class DeviceIds:
    """Finds the device that an id means.

    Ids that an earlier version accepted, and this one does not, are kept as they are.
    """

    def __init__(self) -> None:
        # Ids of an earlier version, and the id of each by its present spelling; set by `keep`.
        self.kept: frozenset[str] = frozenset()
        self._by_spelling: dict[str, str] = {}

    def keep(self, known: Iterable[str]) -> list[str]:
        """Keeps those of the known ids that would not be accepted now; returns them in order."""
        ids = set(known)
        self.kept = frozenset(device for device in ids if normal_id(device) != device)
        spellings = {normal: device for device in sorted(self.kept) if (normal := normal_id(device)) is not None}
        self._by_spelling = {normal: device for normal, device in spellings.items() if normal not in ids}
        return sorted(self.kept)

    def resolve(self, text: str) -> str | None:
        """Returns the id of the device that a text means, or None for what is not an id."""
        if text.isascii() and text not in self.kept:
            return text if _PATTERN.match(text) and len(text) <= _CHARS_MAX else None
        if text in self.kept:
            return text
        normal = normal_id(text)
        return None if normal is None else self._by_spelling.get(normal, normal)

    def find(self, text: str) -> str:
        """Returns the id of the device that a text means; a text that is not an id stays as it is."""
        return self.resolve(text) or text


def _kept_joiner(found: re.Match[str]) -> Any:
    return found.group(1) or found.group(2) or ""
