"""The levels that people and tests give to the pins of a virtual board; changes of watched pins are kept for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

EDGES_MAX = 1000


class Inputs(dict[str, int]):
    """Levels by pin, which a test sets as in a dictionary.

    `level(pin)` is what the board reads there. Edges of the pins that the board watches wait for it, in order.
    """

    def __init__(self, level: Callable[[str], int], on_lost: Callable[[Exception], None]) -> None:
        super().__init__()
        self._level = level
        self._on_lost = on_lost
        # The last level of each pin that the board watches.
        self._watched: dict[str, int] = {}
        self._edges: deque[tuple[str, int]] = deque()
        self._lock = threading.Lock()

    def __setitem__(self, pin: str | int, level: int) -> None:
        super().__setitem__(str(pin), 1 if level else 0)
        self.note_edges()

    def __delitem__(self, pin: str) -> None:
        super().__delitem__(pin)
        self.note_edges()

    def clear(self) -> None:
        """Disconnects all pins."""
        super().clear()
        self.note_edges()

    def pop(self, pin: str, *default: Any) -> Any:
        """Disconnects a pin."""
        level = super().pop(pin, *default)
        self.note_edges()
        return level

    def update(self, *levels: Any, **more: int) -> None:
        """Sets several, one after the other."""
        for pin, level in dict(*levels, **more).items():
            self[pin] = level

    def watch(self, pin: str, is_on: bool) -> None:
        """Begins or ends to keep the edges of a pin."""
        with self._lock:
            self._watched.pop(pin, None)
            if is_on:
                self._watched[pin] = self._level(pin)

    def forget(self) -> None:
        """Forgets what the board watched: it starts again."""
        with self._lock:
            self._watched.clear()
            self._edges.clear()

    def note_edges(self) -> None:
        """Keeps the changes of the watched pins."""
        with self._lock:
            for pin, before in self._watched.items():
                level = self._level(pin)
                if level == before:
                    continue
                self._watched[pin] = level
                if len(self._edges) < EDGES_MAX:
                    self._edges.append((pin, level))
                else:
                    self._on_lost(BufferError(f"the board has not seen {EDGES_MAX} changes of its pins; more are lost"))

    def take_edges(self) -> list[tuple[str, int]]:
        """Returns and forgets them."""
        with self._lock:
            edges = list(self._edges)
            self._edges.clear()
        return edges
