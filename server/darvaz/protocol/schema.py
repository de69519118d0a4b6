"""Loads the schema document, shared/protocol.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_PATHS = (_HERE / "protocol.json", _HERE.parent.parent.parent / "shared" / "protocol.json")


@cache
def load_schema() -> Mapping[str, Any]:
    """Returns shared/protocol.json, read once: from the checkout, or as packed into the wheel."""
    for path in _PATHS:
        if path.exists():
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return document
    raise FileNotFoundError(f"protocol.json is missing: looked for {' and '.join(map(str, _PATHS))}")
