"""What all links of one kind of board have in common, made once."""

from __future__ import annotations

import logging

from darvaz.journal_batches import Said
from darvaz.parts import Parts
from darvaz.protocol import Kind
from darvaz.session import rules_of
from darvaz.wire.packets import dump_text

log = logging.getLogger("darvaz.link")


class Terms:
    """The kind, the limits, and the commonest answer: as a session writes it, on the wire, in the journal."""

    def __init__(self, kind: Kind, parts: Parts) -> None:
        self.kind = kind
        self.parts = parts
        self.limits = parts.session_limits()
        self.ack = parts.protocol.types["ack"]
        self.ping = parts.protocol.types["ping"]
        self.pong = rules_of(parts.protocol).pong
        self.pong_packet = dump_text(self.pong.text)
        self.pong_said: Said = (">", "pong", self.pong.text)
        # Asking the log for every message would cost as much as journalling it.
        self.is_logged = log.isEnabledFor(logging.DEBUG)
