"""Which devices are in which group, by the names that people take for one: looked up without a look at each device."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable
from functools import lru_cache

# Letters that look the same and that keyboards mix up.
_ALIKE = str.maketrans("يىكۀة", "ییکهه")


@lru_cache(maxsize=4_096)
def fold(name: str) -> str:
    """Returns what is the same for names that people take for one: case, forms of a letter, and digits."""
    plain = unicodedata.normalize("NFKC", name).translate(_ALIKE).casefold()
    plain = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in plain)
    # A zero-width joiner and a blank are told apart by nobody.
    return " ".join(plain.replace("\u200c", " ").split())


class GroupIndex:
    """The groups of all devices. Changed by the registry only, on the event loop."""

    def __init__(self, known: Iterable[tuple[str, Iterable[str]]] = ()) -> None:
        # Folded name → its devices, in the order of their ids; there is no group without a device.
        self._members: dict[str, list[str]] = {}
        self.edition = 0
        """Another after each change of which devices there are, or of their groups."""
        for device, groups in known:
            self.move(device, (), groups)

    def move(self, device: str, before: Iterable[str], after: Iterable[str]) -> None:
        """Notes that a device is in other groups than before."""
        old, new = {fold(name) for name in before}, {fold(name) for name in after}
        for key in old - new:
            self._take_out(key, device)
        for key in new - old:
            insort(self._members.setdefault(key, []), device)
        self.edition += 1

    def _take_out(self, key: str, device: str) -> None:
        members = self._members[key]
        del members[bisect_left(members, device)]
        if not members:
            del self._members[key]

    def folded_names(self) -> list[str]:
        """Returns what is the same of the names of each group, in order."""
        return sorted(self._members)

    def members(self, key: str) -> list[str]:
        """Returns the devices of a group by its folded name, in the order of their ids."""
        return list(self._members.get(key, ()))

    def first(self, key: str) -> str | None:
        """Returns the first device of a group by its folded name; None if there is no such group."""
        members = self._members.get(key)
        return members[0] if members else None
