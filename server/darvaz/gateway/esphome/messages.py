"""The classes of ESPHome's messages, which aioesphomeapi brings, and the numbers that stand for them in frames."""

from __future__ import annotations

from typing import Any

from aioesphomeapi import api_pb2
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]

__all__ = ["NUMBERS", "Message", "UnreadableError", "dump", "parse", "pb"]

# Generated at run time: type checkers cannot see what is in it.
pb: Any = api_pb2
NUMBERS: dict[type[Message], int] = {type_: number for number, type_ in MESSAGE_TYPE_TO_PROTO.items()}


class UnreadableError(Exception):
    """Bytes that are not the message that their number says."""


def parse(number: int, data: bytes) -> Message | None:
    """Returns a message, or None for a number of a later version of the protocol; raises `UnreadableError`."""
    type_ = MESSAGE_TYPE_TO_PROTO.get(number)
    if type_ is None:
        return None
    try:
        return type_.FromString(data)
    except DecodeError:
        raise UnreadableError(f"a {type_.__name__} cannot be read") from None


def dump(message: Message) -> tuple[int, bytes]:
    """Returns the number of a message and its bytes."""
    return NUMBERS[type(message)], message.SerializeToString()
