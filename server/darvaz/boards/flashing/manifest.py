"""The manifest: which files on a board are ours, and what they held when we wrote them."""

from __future__ import annotations

import json

PATH = "/lib/darvaz/manifest.json"
_FORM = 1

Owned = dict[str, list[str]]
"""By path, the SHA-256 of everything of ours that may be there: two while an update is under way."""


def parse_manifest(data: bytes) -> Owned:
    """Returns what is ours; of a manifest that is damaged or from another time, nothing."""
    try:
        read = json.loads(data)
        if read["form"] != _FORM:
            return {}
        return {str(path): [str(one) for one in hashes] for path, hashes in read["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def dump_manifest(owned: Owned) -> bytes:
    """Returns a manifest as it is kept on the board."""
    return json.dumps({"form": _FORM, "files": dict(sorted(owned.items()))}, indent=0).encode()


def merge(before: Owned, after: Owned) -> Owned:
    """Returns what is ours while an update from one to the other is under way."""
    paths = {*before, *after}
    return {path: list(dict.fromkeys([*before.get(path, []), *after.get(path, [])])) for path in paths}
