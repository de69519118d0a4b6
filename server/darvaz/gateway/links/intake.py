"""What a link does with messages that need nothing but delivery: their numbers, their times, the journal, the bus."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX, cut
from darvaz.gateway.links.board_time import BoardTime
from darvaz.gateway.links.burst import Burst
from darvaz.gateway.links.entries import LinkEntries
from darvaz.gateway.links.numbered import REPEATED, UNSET, Numbered
from darvaz.gateway.links.shared import LinkContext
from darvaz.gateway.session.session import Session
from darvaz.gateway.websocket.interface import PacketConnection
from darvaz.protocol.codec import Message

log = logging.getLogger("darvaz.link")

_monotonic_s: Final = time.monotonic
# The journal has one time for all that came together; what is older than this tells by how much.
_AGE_S_MIN: Final = 0.002


class Intake:
    """The part of a link that its messages go through; a subclass makes bursts of them, and ends each by `_hand_on`."""

    __slots__ = (
        "_board_time", "_connection", "_context", "_entries", "_numbered", "_session", "address", "device", "kind_name",
    )  # fmt: skip

    def __init__(self, context: LinkContext, address: str, *, is_admitted: bool) -> None:
        self._context = context
        self.kind_name = context.kind.name
        # The address of the peer, "" if unknown, and the id from the device's `connect`, None before that.
        self.address = address
        self.device: str | None = None
        self._board_time = BoardTime()
        self._numbered = Numbered(context.parts.sequences, context.parts.recorder)
        self._entries = LinkEntries(context)
        # Set when the link is opened.
        self._connection: PacketConnection
        self._session = Session(
            context.parts.protocol,
            context.kind,
            context.limits,
            _monotonic_s(),
            is_admitted=is_admitted,
            unix_offset_s=context.parts.unix_offset_s,
            heartbeat_phase=context.take_phase(),
        )

    def _handle_message(self, message: Any, text: str, burst: Burst) -> None:
        """Takes a message into its burst; publishes it, unless it is a report, which goes with the others."""
        context, kind = self._context, type(message)
        if len(text) > PAYLOAD_CHARS_MAX:
            text = cut(text)
        if kind is context.telemetry:
            if message.seq is UNSET or self._take_number(message, burst):
                age_s = self._add_entry(kind.__name__, message, text, burst)
                burst.reports.append((burst.unix_s - age_s, message))
        elif kind is context.ping:
            burst.add(("<", "ping", text))
        else:
            # What came before is published before.
            self._publish_reports(burst)
            self._publish(message, text, burst)

    def _publish(self, message: Any, text: str, burst: Burst) -> None:
        """Publishes a message that is neither a ping nor a report."""
        context, kind = self._context, type(message)
        name, happened_s = kind.__name__, burst.unix_s
        # What is not journalled: a release has thousands of these, and what a prompt printed may be a secret.
        if kind is context.device_pong:
            self._board_time.answer(message, self._session.take_pinged_s(), burst.now_s)
            burst.add(("<", name, text))
        elif kind not in context.unjournalled:
            if message.seq is not UNSET and not self._take_number(message, burst):
                return
            if kind is context.ack:
                self._acknowledge(message)
            happened_s -= self._add_entry(name, message, text, burst)
            burst.is_urgent = True
        context.bus.publish(name, self.device, message, happened_s)

    def _add_entry(self, name: str, message: Any, text: str, burst: Burst) -> float:
        """Adds the entry of a message, and returns how long ago that was made."""
        age_s = self._board_time.age_s(message, burst.packets, burst.now_s)
        burst.add(("<", name, text) if age_s < _AGE_S_MIN else ("<", name, text, int(age_s * 1000)))
        return age_s

    def _take_number(self, message: Any, burst: Burst) -> bool:
        """Takes the number of a message; returns whether it is news."""
        lost = self._numbered.take(message, self._connection, type(message) is not self._context.telemetry)
        if lost:
            self._publish_reports(burst)
            if lost == REPEATED:
                self._repeat(message, burst)
                return False
            burst.add(("=", "gap", f"{lost} messages of this board are missing"))
            log.info("= %s gap: %d messages are missing", self.device, lost)
            self._context.bus.publish_gap(self.device or "", lost)
        return True

    def _repeat(self, message: Any, burst: Burst) -> None:
        """Drops a message that the journal has; after a kill the history may have a report less."""
        context = self._context
        if type(message) is context.telemetry and self.device is not None:
            happened_s = burst.unix_s - self._board_time.age_s(message, burst.packets, burst.now_s)
            context.parts.telemetry.record(self.device, message, happened_s)
        elif type(message) is context.ack:
            self._acknowledge(message)

    def _acknowledge(self, ack: Message) -> None:
        raise NotImplementedError

    def _publish_reports(self, burst: Burst) -> None:
        if burst.reports:
            reports, burst.reports = burst.reports, []
            self._context.bus.publish_reports(self.device or "", reports)

    def _hand_on(self, burst: Burst) -> None:
        """Publishes the reports of a burst, and journals its entries at once; from then on those are the journal's."""
        self._publish_reports(burst)
        entries = burst.entries
        if not entries:
            return
        context, chars, taken = self._context, burst.chars, self._numbered.take_fresh()
        burst.entries, burst.chars = [], 0
        time_ms = int(burst.unix_s * 1000)
        context.journal.extend(time_ms, self.device, self.kind_name, self.address, entries, chars, taken)
        if burst.is_urgent:
            burst.is_urgent = False
            context.journal.urge()
        if context.is_logged:
            self._entries.log_all(self.device or self.address, entries)
