"""Scopes: which boards and commands a caller with limits may see and use, by groups or by the cards of a dashboard."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from darvaz.gateway.access import CallerLimits
from darvaz.gateway.devices.groups import Groups
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.layouts import Card, Layouts

# Of different limits; those that were used longest ago are computed again.
_KEPT_MAX = 1_024


class Scopes:
    """Answers for limits; None are those of a caller who may see every board. Used from the event loop only."""

    def __init__(self, devices: Devices, groups: Groups, layouts: Layouts) -> None:
        self._devices = devices
        self._groups = groups
        self._layouts = layouts
        # CallerLimits → of which state of devices and dashboard the boards are, and the boards.
        self._kept: OrderedDict[CallerLimits, tuple[object, frozenset[str] | None]] = OrderedDict()

    def boards(self, limits: CallerLimits | None) -> frozenset[str] | None:
        """Returns the boards that a caller may see; None for all.

        The same object comes back until they change, so that a stream can notice that.
        """
        if limits is None:
            return None
        state = (self._devices.groups.edition, self._edition_of(limits))
        kept = self._kept.get(limits)
        if kept is None or kept[0] != state:
            found = self._find(limits)
            kept = (state, kept[1] if kept is not None and kept[1] == found else found)
            self._kept[limits] = kept
        self._kept.move_to_end(limits)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return kept[1]

    def may_see(self, limits: CallerLimits | None, device: str) -> bool:
        """Whether a caller may see a board."""
        boards = self.boards(limits)
        return boards is None or device in boards

    def may_watch(self, limits: CallerLimits | None, device: str) -> bool:
        """Whether a caller may see the pictures of a board; a dashboard shows those of its cameras only."""
        if limits is None or limits.layout is None:
            return self.may_see(limits, device)
        return any(card.kind == "camera" and self._is_of(card, device) for card in self._cards(limits.layout))

    def may_read_log(self, limits: CallerLimits | None, device: str) -> bool:
        """Whether a caller may read what a board logs; of a dashboard, the boards whose log it shows."""
        if limits is None or limits.layout is None:
            return self.may_see(limits, device)
        return any(card.kind == "log" and self._is_of(card, device) for card in self._cards(limits.layout))

    def may_command(self, limits: CallerLimits | None, device: str, name: str) -> bool:
        """Whether a caller whose role sends commands may send this one.

        A grant without names allows what the board declares; what every board has, such as `reboot`, must be named.
        """
        if limits is None:
            return True
        if not limits.may_command:
            return False
        if limits.layout is not None:
            cards = [card for card in self._cards(limits.layout) if card.kind == "control" and card.name == name]
            return any(self._is_of(card, device) for card in cards)
        known = self._devices.get(device)
        declared = {} if known is None else known.introduction.get("commands") or {}
        return any(
            name in (declared if grant.commands is None else grant.commands)
            for grant in limits.grants
            if grant.group is None or self._groups.has(grant.group, device)
        )

    def _find(self, limits: CallerLimits) -> frozenset[str] | None:
        if limits.layout is not None:
            return frozenset(device for card in self._cards(limits.layout) for device in self._devices_of(card))
        if any(grant.group is None for grant in limits.grants):
            return None
        groups = [grant.group for grant in limits.grants if grant.group is not None]
        return frozenset(device for group in groups for device in self._groups.members(group))

    def _cards(self, layout_id: str) -> list[Card]:
        layout = self._layouts.all.get(layout_id)
        return [] if layout is None else layout.cards

    def _edition_of(self, limits: CallerLimits) -> int | None:
        layout = self._layouts.all.get(limits.layout or "")
        return None if layout is None else layout.edition

    def _devices_of(self, card: Card) -> Iterator[str]:
        if card.device is not None:
            yield card.device
        elif card.group is not None:
            yield from self._groups.members(card.group)

    def _is_of(self, card: Card, device: str) -> bool:
        if card.device is not None:
            return card.device == device
        return card.group is not None and self._groups.has(card.group, device)
