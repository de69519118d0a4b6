"""Thins telemetry that waits in a full outbox: every second report of each kind goes, and the newest of each stays.

Done each time the ring is full, it leaves old reports further apart than new ones. Loaded then.
"""

import json

from .outbox import SIZE_BYTES

# Anywhere in the text: MicroPython's dictionaries have no order.
_TELEMETRY = b'"type":"telemetry"'


def thin(outbox):
    """Makes space in an outbox of which nothing was written on this connection; returns how many messages went."""
    newest = {}
    at = 0
    while at < outbox.used:
        message = outbox.message_at(at)
        kind = _kind_of(message)
        if kind is not None:
            newest[kind] = at
        at += SIZE_BYTES + len(message)
    return _keep_some(outbox, newest)


def _keep_some(outbox, newest):
    # By kind: whether the next report of it goes.
    goes = {"": False}
    at = kept_bytes = thinned = 0
    end = outbox.used
    while at < end:
        message = outbox.message_at(at)
        kind = _kind_of(message)
        is_kept = kind is None or newest[kind] == at
        if not is_kept:
            goes[kind] = not goes.get(kind, False)
            is_kept = not goes[kind]
        if is_kept:
            # Never beyond what was read: the messages only move towards the start.
            outbox.put_at(kept_bytes, message)
            kept_bytes += SIZE_BYTES + len(message)
        else:
            thinned += 1
        at += SIZE_BYTES + len(message)
    outbox.used = kept_bytes
    return thinned


def _kind_of(message):
    """Returns the names that a report holds, as one text; None for what is not telemetry."""
    if message.find(_TELEMETRY) < 0:
        return None
    return ",".join(sorted(json.loads(bytes(message).decode()).get("values", ())))
