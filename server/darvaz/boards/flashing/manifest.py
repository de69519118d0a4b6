"""The manifest: which files on a board are ours, and what they held when we wrote them."""

from __future__ import annotations

import json

PATH = "/lib/darvaz/manifest.json"
_FORM = 1

Owned = dict[str, list[str]]
"""By path, each SHA-256 that a file of ours may have: two of them during an update."""


def parse_manifest(data: bytes) -> Owned:
    """Returns the files that are ours; none for a manifest that is damaged or has another form."""
    try:
        read = json.loads(data)
        if read["form"] != _FORM:
            return {}
        return {str(path): [str(sha256) for sha256 in hashes] for path, hashes in read["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def dump_manifest(owned: Owned) -> bytes:
    """Returns the manifest as JSON."""
    return json.dumps({"form": _FORM, "files": dict(sorted(owned.items()))}, indent=0).encode()


def merge(before: Owned, after: Owned) -> Owned:
    """Returns the manifest for the time of an update from `before` to `after`."""
    paths = {*before, *after}
    return {path: list(dict.fromkeys([*before.get(path, []), *after.get(path, [])])) for path in paths}
