"""What all links of one kind of board have in common, made once."""

from __future__ import annotations

from darvaz.parts import Parts
from darvaz.protocol import Kind
from darvaz.session import pong_of
from darvaz.wire.packets import dump_text


class Terms:
    """The kind, the limits and the commonest answer, as a session writes it and as it goes on the wire."""

    def __init__(self, kind: Kind, parts: Parts) -> None:
        self.kind = kind
        self.parts = parts
        self.limits = parts.session_limits()
        self.pong = pong_of(parts.protocol)
        self.pong_packet = dump_text(self.pong.text)
