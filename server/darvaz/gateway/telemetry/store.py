"""Where the history's thread writes readings, whatever program keeps them; `sqlite_store` is the one that is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.telemetry.history_tables import Retention
from darvaz.gateway.telemetry.newest import Newest
from darvaz.gateway.telemetry.recent import Recent


class HistoryStore(Protocol):
    """A history that is open to be written. Used by one thread at a time.

    Each method does all that it says or nothing, and raises `StorageError`, `sqlite3.Error` or `OSError` then.
    """

    series_max: int
    """How many names of all devices find a place; a device has `SERIES_PER_DEVICE_MAX` at most."""

    def position(self) -> tuple[int, int]:
        """Returns the number of the newest record that is here, and of the newest flush; 0 where there is none."""

    def newest(self) -> dict[str, Newest]:
        """Returns the newest values of every device, as the last flush of it had them."""

    def taken(self) -> Sequences:
        """Returns the numbers of boards' messages that are here."""

    def write(self, recent: Recent, newest: Callable[[str], Newest], record: int) -> int:
        """Writes a flush, and that all up to a record is here; survives a power cut then.

        What was forgotten is deleted first. Returns how many readings found no place.
        """

    def retain(self, kept: Retention, unix_s: float, *, by_age: bool) -> bool:
        """Deletes what is too old, if asked to, then the oldest while there is too much; says whether any of that."""

    def oldest_ms(self) -> int | None:
        """Returns the Unix milliseconds of the oldest single reading, or close to that; None if there is none."""

    def close(self) -> None:
        """Ends the use."""
