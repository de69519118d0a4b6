"""What the loader of a board remembers, after the board was flashed by USB: the program in the root runs again."""

from __future__ import annotations

import json

STATE = "/program.json"


def flashed_state(data: bytes) -> bytes:
    """Returns the loader's file for a board that is flashed; the counter stays, so that no old update is taken."""
    try:
        read = json.loads(data)
        counter = max(int(read.get("counter", 0)), 0)
    except (ValueError, AttributeError, TypeError):
        counter = 0
    state = {"slot": "", "other": "", "state": "flashed", "tries": 0, "counter": counter, "release": ""}
    return json.dumps(state).encode()
