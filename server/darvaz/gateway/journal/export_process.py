"""The process that makes exports: it reads the journal beside the gateway, so that an export holds up no board.

    python -m darvaz.gateway.journal.export_process DATABASE

A request is a line of JSON on the standard input. The answer begins with `HEAD`: the number up to which the journal
was read, `END` or `FAILED`, and how many bytes of the file follow. It ends when its input ends, or after
`IDLE_S` without a request; the gateway starts another one when it needs it.
"""

from __future__ import annotations

import gc
import os
import select
import sqlite3
import struct
import sys
from contextlib import closing, suppress
from typing import BinaryIO

import msgspec

from darvaz.gateway.journal.export_lines import read_piece
from darvaz.gateway.journal.queries import JournalFilter

HEAD = struct.Struct("<qI")
END, FAILED = -1, -2
IDLE_S = 30.0
# A thirtieth of the gateway's weight: it never starves, and where a core is shared, boards rarely wait for it.
_NICENESS = 15
_BUSY_TIMEOUT_S = 5.0


class PieceRequest(msgspec.Struct):
    """Which piece is wanted."""

    wanted: JournalFilter
    format: str


def main() -> None:
    """Answers requests until there are none for a while."""
    stand_back()
    # What a piece is made of is freed without it, and a look at 4,000 entries takes time.
    gc.disable()
    database, decode = sys.argv[1], msgspec.json.Decoder(PieceRequest).decode
    while _is_asked(sys.stdin.buffer):
        line = sys.stdin.buffer.readline()
        if not line:
            break
        head, piece = _answer(database, decode(line))
        sys.stdout.buffer.write(head)
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def stand_back() -> None:
    """Has this process run behind the gateway and other programs, with a small share where they take every core."""
    if sys.platform != "win32":
        os.nice(_NICENESS)
    if sys.platform == "linux":
        # Another program that it interrupted, when it woke, would wait for the next tick of the kernel: 4 ms.
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _is_asked(requests: BinaryIO) -> bool:
    # Windows waits for sockets only: there the process stays until its gateway ends.
    return sys.platform == "win32" or bool(select.select([requests], [], [], IDLE_S)[0])


def _answer(database: str, request: PieceRequest) -> tuple[bytes, bytes]:
    """Returns the head of an answer and its bytes; what fails here is tried again, and told, by the gateway."""
    try:
        # Opened each time: a damaged file is replaced by another one of the same name.
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)) as connection:
            piece, until_id = read_piece(connection, request.wanted, request.format)
    except (sqlite3.Error, ValueError):
        return HEAD.pack(FAILED, 0), b""
    return HEAD.pack(END if until_id is None else until_id, len(piece)), piece


if __name__ == "__main__":
    main()
