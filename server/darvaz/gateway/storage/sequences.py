"""Which stored messages of each board were already taken: a repetition is known, and what is missing is counted.

A board counts its stored messages, one counter for each start (`boot_id`). It sends them in order, and again those of
which it does not know whether they arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Boards that are remembered; beyond that the one that was added first is forgotten.
DEVICES_MAX = 20_000
# Of a board that starts again and again; what an older start still sends counts as new.
BOOTS_MAX = 4
# Missing stretches of one start that are remembered; what comes later out of the oldest is taken for a repetition.
MISSING_MAX = 32

# A boot, the next number, and the missing stretches before it: first number and the one behind the last.
Dumped = tuple[str, int, list[tuple[int, int]]]


@dataclass(slots=True)
class _Boot:
    """One start of a board."""

    next: int
    missing: list[tuple[int, int]] = field(default_factory=list)


class Sequences:
    """Knows the numbers that each board has used up; used by one thread."""

    def __init__(self) -> None:
        # By device and boot, the newest boot last.
        self._boots: dict[str, dict[str, _Boot]] = {}

    def take(self, device: str, boot: str, number: int) -> int | None:
        """Returns how many numbers before this one are missing for the first time; None for a repetition.

        The first number of a start that the gateway has not heard of counts from 0: what is missing before it was
        never received.
        """
        known = self._boot(device, boot)
        if number >= known.next:
            lost = number - known.next
            if lost:
                known.missing.append((known.next, number))
                del known.missing[:-MISSING_MAX]
            known.next = number + 1
            return lost
        return 0 if self._fill(known, number) else None

    def forget(self, device: str) -> None:
        """Forgets a device."""
        self._boots.pop(device, None)

    def devices(self) -> list[str]:
        """Returns the boards that are known, the one that was added first first; from any thread."""
        return list(self._boots)

    def dump(self, device: str) -> list[Dumped]:
        """Returns what is known of a device, for `load`; from any thread."""
        boots = self._boots.get(device, {}).copy()
        return [(boot, known.next, list(known.missing)) for boot, known in boots.items()]

    def load(self, device: str, dumped: list[Dumped]) -> None:
        """Takes what `dump` returned, at the start of the gateway."""
        self._boots[device] = {
            boot: _Boot(next_, [(first, end) for first, end in missing]) for boot, next_, missing in dumped[-BOOTS_MAX:]
        }

    def _boot(self, device: str, boot: str) -> _Boot:
        boots = self._boots.setdefault(device, {})
        if len(self._boots) > DEVICES_MAX:
            del self._boots[next(iter(self._boots))]
        known = boots.pop(boot, None) or _Boot(0)
        boots[boot] = known
        while len(boots) > BOOTS_MAX:
            del boots[next(iter(boots))]
        return known

    def _fill(self, known: _Boot, number: int) -> bool:
        """Takes a number out of the missing ones; says whether it was among them."""
        for at, (first, end) in enumerate(known.missing):
            if first <= number < end:
                rest = [(first, number), (number + 1, end)]
                known.missing[at : at + 1] = [stretch for stretch in rest if stretch[0] < stretch[1]]
                del known.missing[:-MISSING_MAX]
                return True
        return False
