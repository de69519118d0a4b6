"""Two gateways that sign for one board, or one whose data came back from a backup: what tells of it, and what to do."""

from __future__ import annotations

import logging
from typing import Any

from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.releases.store import ReleaseStore

log = logging.getLogger("darvaz.releases")

_NOT_SIGNED = "is not signed with the key of this board"


def find_conflict(store: ReleaseStore, journal: Journal, device: str, kind: str | None, program: dict[str, Any]) -> str:
    """Returns and tells what to do if a board has had an update that is not of this gateway, once for each; "" if not.

    What was on trial is then not given again: both gateways would go on without an end.
    """
    counter = max(program.get("counter", 0), program.get("failed", 0))
    known = store.counter_of(device) if counter else 0
    if not 0 < known < counter:
        return ""
    store.keep_counter(device, counter)
    text = (
        f"{device} has had update {counter}, and this gateway gave it at most {known}: another gateway with the same"
        " data signs for it, or the data of this one are from a backup. One gateway should update a board: end the"
        f" other, or run `darvaz forget {device}` and `darvaz flash` at the one that goes on, for a new key. After a"
        " backup, deploy again"
    )
    journal.record(device, kind, "", "=", "update", text)
    log.warning("= %s %s", device, text)
    return text


def with_remedy(reason: str) -> str:
    """Returns why a board refused an update, with what to do where another gateway has flashed it."""
    if _NOT_SIGNED in reason:
        return f"{reason}: another gateway flashed it, or it was forgotten here; run `darvaz flash` with this gateway"
    return reason
