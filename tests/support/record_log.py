"""What the record log of a running gateway has: that survives a kill and a power cut."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from darvaz.gateway.journal.batches import unpack
from darvaz.gateway.storage.record_log import read_records
from darvaz.gateway.storage.recorder import JOURNAL

_DEADLINE_S = 10.0


def logged_payloads(data: Path) -> Iterator[str]:
    """Yields the payloads of the journal entries in the record log of a data folder."""
    for record in read_records(data):
        if record.kind == JOURNAL:
            for group in unpack(record.data)[1]:
                yield from (entry[2] for entry in group[4])


def wait_until_logged(data: Path, text: str) -> None:
    """Returns once an entry with this text in its payload is in the record log."""
    deadline_s = time.monotonic() + _DEADLINE_S
    while not any(text in payload for payload in logged_payloads(data)):
        assert time.monotonic() < deadline_s, f"{text!r} did not reach the record log"
        time.sleep(0.05)
