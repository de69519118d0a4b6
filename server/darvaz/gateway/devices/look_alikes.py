"""Ids of different letters that look alike, as "pan" in Latin and in Cyrillic letters: told, and never joined.

They stay two devices: each of them may be meant, and who sees one instead of the other has to be told. UTS 39 ("Unicode
Security Mechanisms", section 4) uses look-alikes in the same way, to warn. The table is the part of its confusables
that keyboards have: letters of Cyrillic, Greek and Armenian that look like Latin ones, Arabic ones like Persian ones,
and the forms that Unicode has for compatibility (NFKC).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable

_LOOKS = {
    "а": "a", "ԁ": "d", "е": "e", "һ": "h", "і": "i", "ј": "j", "ӏ": "l", "о": "o", "р": "p", "ԛ": "q", "г": "r",
    "с": "c", "ѕ": "s", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y", "А": "A", "В": "B", "С": "C", "Е": "E", "Н": "H",
    "І": "I", "Ј": "J", "К": "K", "М": "M", "О": "O", "Р": "P", "Ѕ": "S", "Т": "T", "У": "Y", "Ԝ": "W", "Х": "X",
    "α": "a", "γ": "y", "ι": "i", "ν": "v", "ο": "o", "ρ": "p", "υ": "u", "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z",
    "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N", "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X",
    "հ": "h", "օ": "o", "ս": "u", "ո": "n", "ց": "g", "զ": "q",
    "ي": "ی", "ى": "ی", "ك": "ک", "ە": "ه", "ہ": "ه", "ھ": "ه",
    **dict(zip("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", strict=True)),
}  # fmt: skip
_TABLE = str.maketrans(_LOOKS)


def look_of(device: str) -> str:
    """Returns what ids that look alike have in common; of an ASCII id, itself."""
    return device if device.isascii() else unicodedata.normalize("NFKC", device).translate(_TABLE)


class LookAlikes:
    """The ids that have letters beside ASCII, by their look. Used from the event loop only."""

    def __init__(self, known: Iterable[str]) -> None:
        # Look → the id that came first with it; those of ASCII are their own look, and are not in it.
        self._by_look: dict[str, str] = {}
        for device in known:
            self.add(device)

    def __len__(self) -> int:
        return len(self._by_look)

    def add(self, device: str) -> None:
        """Notes a device that is known from now on."""
        if not device.isascii():
            self._by_look.setdefault(look_of(device), device)

    def remove(self, device: str) -> None:
        """Drops a device that is forgotten."""
        if not device.isascii() and self._by_look.get(look := look_of(device)) == device:
            del self._by_look[look]

    def find(self, device: str, known: Container[str]) -> str | None:
        """Returns a known device that looks like one that is not known yet, or None."""
        look = look_of(device)
        if look != device and look in known:
            return look
        found = self._by_look.get(look)
        return found if found != device else None
