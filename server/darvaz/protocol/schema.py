"""The schema document, shared/protocol.json: where it is, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "protocol.json", _HERE.parent.parent.parent / "shared" / "protocol.json")


@cache
def load_schema() -> Mapping[str, Any]:
    """Returns shared/protocol.json, read once: from the checkout, or as packed into the wheel."""
    for place in _PLACES:
        if place.exists():
            document: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
            return document
    raise FileNotFoundError(f"protocol.json is missing: looked for {' and '.join(map(str, _PLACES))}")
