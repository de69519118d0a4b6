"""Two versions of one row, made one: what was revoked, used or bound is never undone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]

# Table → the column of its key.
ACCESS_TABLES: Mapping[str, str] = {
    "tokens": "id", "sessions": "id", "sign_in_links": "id", "settings": "key", "people": "id", "invitations": "id",
    "update_keys": "device",
}  # fmt: skip
# Their numbers are given by one gateway, and mean something else in a data folder that was never in the cluster. The
# boards of a rollout are before it.
NUMBERED_TABLES: Mapping[str, str] = {"releases": "number", "rollout_targets": "key", "rollouts": "number"}
TABLES: Mapping[str, str] = {**ACCESS_TABLES, **NUMBERED_TABLES}
# What each gateway notes for itself, often: it is not worth a message.
_OWN = {"tokens": ("last_used_s", "last_address"), "sessions": ("last_used_s", "last_address")}
# Of the settings, those that all gateways share.
_SETTINGS = ("enrolment_until_s", "enrolment_opened_s", "enrolment_was_opened", "signing_key", "push_key")
# What was set once stays.
_LASTING = {"tokens": ("revoked_s", "device"), "sign_in_links": ("used_s",)}


def is_shared(table: str, key: str) -> bool:
    """Returns whether a row is one that all gateways share."""
    return table in TABLES and (table != "settings" or key in _SETTINGS)


def shared_part(table: str, row: Row) -> Row:
    """Returns the columns of a row that all gateways share."""
    own = _OWN.get(table, ())
    return {name: value for name, value in row.items() if name not in own}


def merged(table: str, here: Row | None, there: Row, columns: tuple[str, ...]) -> Row:
    """Returns the row of a table with these columns that both make; what a gateway notes for itself is kept.

    The one from elsewhere counts where they differ, but for what lasts. Columns of later versions are left out.
    """
    row = {name: there.get(name) for name in columns}
    if here is None:
        if table == "sessions":
            # It has just been opened: it is used.
            row["last_used_s"] = there.get("created_s")
        return row
    for name in _OWN.get(table, ()):
        row[name] = here.get(name)
    for name in _LASTING.get(table, ()):
        row[name] = here.get(name) if there.get(name) is None else there[name]
    if table == "update_keys":
        # A board takes no lower one any more.
        row["counter"] = max(here["counter"], there["counter"])
    if table == "invitations":
        # Uses of both: none is lost.
        row["uses"] = json.dumps(sorted({*json.loads(here["uses"]), *json.loads(there["uses"])}))
    return row
