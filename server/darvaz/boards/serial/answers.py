"""What a board answers, decoded as the type that was asked for: anything else is a damaged answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeVar

import msgspec

from darvaz.boards.serial.errors import Reason, SerialError

SIZE_BYTES_MAX = 1 << 48
Size = Annotated[int, msgspec.Meta(ge=0, le=SIZE_BYTES_MAX)]
_T = TypeVar("_T")


def parse_answer(text: str, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Returns the JSON value that a board printed; raises SerialError for one of another type, or none."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise damaged() from None


def parse_lines(output: str, decoder: msgspec.json.Decoder[_T]) -> Iterator[_T]:
    """Yields the JSON value of each line that is not empty; raises SerialError."""
    return (parse_answer(line, decoder) for line in output.splitlines() if line.strip())


def damaged() -> SerialError:
    """Returns the error for an answer that no board of ours gives."""
    return SerialError(
        Reason.DAMAGED,
        "the board's answer is damaged: run this again, with another cable if it stays so; if it has other firmware,"
        " darvaz firmware installs MicroPython",
    )
