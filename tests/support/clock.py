"""A clock that stands until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Tells the same time, in seconds, until `now_s` is changed."""

    now_s: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s
