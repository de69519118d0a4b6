"""The journal's entries of one link, other than its messages: its beginning, its end, and what it is sent.

A board that connects again and again must not fill the journal: of more links than `LINKS_RECORDED_PER_MINUTE` from one
network, beginning and end are left out, and one entry a minute says so.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from darvaz.gateway.access import redact
from darvaz.gateway.links.shared import LinkContext

log = logging.getLogger("darvaz.link")

_LOGGED_CHARS_MAX: Final = 75
_OF_EACH_LINK: Final = frozenset(
    {"connected", "auth", "connect", "connection_ack", "error", "closing", "close", "disconnected"}
)


class LinkEntries:
    """Writes entries of one link to journal and log."""

    __slots__ = ("_context", "_is_left_out")

    def __init__(self, context: LinkContext) -> None:
        self._context = context
        # Whether beginning and end are left out; decided at the first entry.
        self._is_left_out: bool | None = None

    def record(self, device: str | None, address: str, direction: str, type_: str, payload: str) -> None:
        """Writes an entry; before the link's `connect`, it has no device."""
        if self._is_left_out is None:
            self._is_left_out = self._decide(address)
        if self._is_left_out and type_ in _OF_EACH_LINK:
            return
        context = self._context
        # A sync wears a memory card, and heartbeats are sent all the time.
        is_urgent = type_ != "ping"
        context.journal.record(device, context.kind.name, address, direction, type_, payload, is_urgent=is_urgent)
        level = logging.INFO if direction == "=" else logging.DEBUG
        if log.isEnabledFor(level):
            shown = redact(payload)[:_LOGGED_CHARS_MAX] if payload else ""
            log.log(level, "%s %s %s %s", direction, device or address, type_, shown)

    def log_all(self, who: str, entries: list[Any]) -> None:
        """Logs what was journalled together, of a device or an address."""
        for direction, type_, payload, *_ in entries:
            log.debug("%s %s %s %s", direction, who, type_, redact(payload)[:_LOGGED_CHARS_MAX])

    def _decide(self, address: str) -> bool:
        """Counts the link, and returns whether its beginning and end are left out."""
        context = self._context
        counts = context.parts.recorded_links
        if counts.wait_s(address) is None:
            counts.count(address)
            return False
        notes = context.parts.told_of_links
        if notes.wait_s(address) is None:
            notes.count(address)
            note = "too many links in a minute; until they are fewer, their beginnings and ends are not recorded"
            context.journal.record(None, context.kind.name, address, "=", "reconnecting", note)
            log.warning("= %s %s", address, note)
        return True
