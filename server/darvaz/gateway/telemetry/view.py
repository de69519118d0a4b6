"""What can be read of the history, whatever program keeps it; `sqlite_view` is the one that is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from darvaz.gateway.telemetry.export import Portion, ReadingFilter
from darvaz.gateway.telemetry.history_queries import Plot
from darvaz.gateway.telemetry.report_queue import LastReadings, State, Waiting
from darvaz.gateway.telemetry.text_export import TextPortion


class HistoryView(Protocol):
    """The history as it is written at this moment. Used by one thread at a time.

    What waits, and may be written at the same moment, is given, and counts once.
    """

    def last_readings(self, device: str) -> LastReadings:
        """Returns the newest number of each name and its Unix time, as far as single readings are kept."""

    def plot(
        self, device: str, name: str, from_s: float, to_s: float, points: int, waiting: Sequence[Waiting] = ()
    ) -> Plot:
        """Returns a number over time, in about as many points as are asked for."""

    def states(self, device: str, name: str, from_s: float, to_s: float, waiting: Sequence[State] = ()) -> list[State]:
        """Returns the changes of a text or truth value, oldest first, with what it was at the beginning."""

    def portion(self, wanted: ReadingFilter, after: Portion | None) -> Portion | None:
        """Returns the readings that follow those of a portion, for an export, or None at the end."""

    def texts(self, wanted: ReadingFilter, after: TextPortion | None) -> TextPortion | None:
        """Does that with the changes of texts and truth values."""
