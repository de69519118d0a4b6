"""An entry of the journal as the API shows it; not in a compiled module, where msgspec finds no types of its fields."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from darvaz.gateway.journal.queries import Row


class JournalRow(msgspec.Struct):
    """One entry; type and payload may hold any text that a device wrote."""

    id: int
    time: Annotated[float, Meta(description="When the gateway heard of it, in Unix seconds: the order of the journal.")]
    device: str | None
    kind: str | None
    address: str | None
    direction: Annotated[str, Meta(description="< received, > sent, = state")]
    type: str
    payload: str
    happened: Annotated[float, Meta(description="When it happened: before `time` if it waited on its board.")]


def answer(row: Row) -> JournalRow:
    """Returns an entry as the API shows it."""
    return JournalRow(
        row.id, row.time_ms / 1000, row.device, row.kind, row.address, row.direction, row.type, row.payload,
        row.happened_ms / 1000,
    )  # fmt: skip
