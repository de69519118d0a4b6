"""What all links of one kind of board have in common, made once."""

from __future__ import annotations

import logging
from typing import Any

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.parts import Parts
from darvaz.gateway.session.session import rules_of
from darvaz.gateway.websocket.packets import dump_text
from darvaz.protocol.codec import Kind, Message

log = logging.getLogger("darvaz.link")


class LinkContext:
    """The kind, the limits, and the commonest answer: as a session writes it, on the wire, in the journal."""

    def __init__(self, kind: Kind, parts: Parts) -> None:
        self.kind = kind
        self.parts = parts
        # Asked for each message: from here they are one step away.
        self.journal: Journal = parts.journal
        self.hub: Hub = parts.hub
        self.bus: EventBus = parts.bus
        self.limits = parts.session_limits()
        self.ack: type[Message] = parts.protocol.types["ack"]
        self.ping: type[Message] = parts.protocol.types["ping"]
        self.pong = rules_of(parts.protocol).pong
        self.pong_packet = dump_text(self.pong.text)
        # A `Said`; by that name a compiled module would take it apart and make it anew each time.
        self.pong_said: Any = (">", "pong", self.pong.text)
        self.pong_chars = len(self.pong.text)
        # Asking the log for every message would cost as much as journalling it.
        self.is_logged = log.isEnabledFor(logging.DEBUG)
