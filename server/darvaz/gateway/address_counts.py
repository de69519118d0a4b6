"""Counts of something in all and by address, such as links or connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class AddressCounts:
    """How many there are, in all and by address."""

    total: int = 0
    by_address: dict[str, int] = field(default_factory=dict)
    """Address → count; an address without any has no entry."""
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    """The same of other gateways that count together with this one."""

    def of(self, address: str) -> int:
        """Returns how many one address has, those elsewhere too."""
        return self.by_address.get(address, 0) + self.elsewhere.get(address, 0)

    def enter(self, address: str) -> None:
        self.total += 1
        self.by_address[address] = self.by_address.get(address, 0) + 1

    def leave(self, address: str) -> None:
        self.total -= 1
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]
