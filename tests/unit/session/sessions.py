"""Sessions for tests: new ones, open ones, and what they have written."""

from __future__ import annotations

import json
from typing import Any

from darvaz.gateway.session.session import (
    Close,
    Limits,
    Session,
)
from darvaz.protocol.codec import MessageCodec

PROTOCOL = MessageCodec()
JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"


def make(kind: str = "pico", *, is_admitted: bool = True, **limits: float) -> Session:
    return Session(PROTOCOL, PROTOCOL.kinds[kind], Limits(**limits), 0.0, is_admitted=is_admitted, unix_offset_s=1e9)


def open_session(kind: str = "pico", **limits: Any) -> Session:
    session = make(kind, **limits)
    session.receive_text('{"type":"connect","device":"d"}', 0.0)
    session.welcome(0.0)
    session.take_events()
    session.take_writes()
    return session


def codes(session: Session) -> list[Any]:
    """Returns what was written: error codes, close codes and other types."""
    found: list[Any] = []
    for write in session.take_writes():
        if isinstance(write, Close):
            found.append(write.code)
        else:
            found.append(json.loads(write.text).get("code", write.type))
    return found
