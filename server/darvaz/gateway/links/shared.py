"""What all links of one kind of board share, built once."""

from __future__ import annotations

import logging
from typing import Any, Final

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.parts import Parts
from darvaz.gateway.session.session import rules_of
from darvaz.gateway.websocket.packets import dump_text
from darvaz.protocol.codec import Kind, Message

_GOLDEN_RATIO: Final = 0.6180339887498949

log = logging.getLogger("darvaz.link")


class LinkContext:
    """The kind, its limits, and the commonest answer in three forms: from the session, as a packet, as an entry."""

    def __init__(self, kind: Kind, parts: Parts) -> None:
        self.kind = kind
        self.parts = parts
        # Used for each message; one attribute lookup instead of two.
        self.journal: Journal = parts.journal
        self.hub: Hub = parts.hub
        self.bus: EventBus = parts.bus
        self.limits = parts.session_limits()
        self.ack: type[Message] = parts.protocol.types["ack"]
        self.ping: type[Message] = parts.protocol.types["ping"]
        # Journalled by what asked for them, if at all.
        self.unjournalled: tuple[type[Message], ...] = tuple(
            parts.protocol.types[name] for name in ("update_state", "prompt_output")
        )
        # What comes all the time; on the disk with the next sync, and no earlier.
        self.telemetry: type[Message] = parts.protocol.types["telemetry"]
        self.device_pong: type[Message] = parts.protocol.types["pong"]
        # The pong that sessions write, compared with `==`.
        self.pong = rules_of(parts.protocol).pong
        self.pong_packet = dump_text(self.pong.text)
        # (direction, type, payload). Typed Any: mypyc would unbox and rebuild a typed tuple at every use.
        self.pong_entry: Any = (">", "pong", self.pong.text)
        self.pong_chars = len(self.pong.text)
        # Whether messages are logged too. Asking the logger for each would cost as much as journalling it.
        self.is_logged = log.isEnabledFor(logging.DEBUG)
        self._links = 0

    def take_phase(self) -> float:
        """Returns which part of a heartbeat the next link waits for its first, so that pings do not come in bursts.

        After a restart, thousands of boards connect within seconds. Parts of any number of links in a row are spread
        evenly (the sequence of the golden ratio), over the last three quarters of a heartbeat.
        """
        self._links += 1
        return 1.0 - 0.75 * (self._links * _GOLDEN_RATIO % 1.0)
