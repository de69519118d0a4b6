"""What the history's limits have taken from what is promised, as sentences for people; each is logged once."""

from __future__ import annotations

import logging

from darvaz.gateway.telemetry.history_schema import DAY_MS
from darvaz.gateway.telemetry.history_tables import SERIES_PER_DEVICE_MAX, Retention
from darvaz.gateway.telemetry.store import HistoryStore

log = logging.getLogger("darvaz.history")


class HistoryLimits:
    """Knows what was dropped, refused or deleted before its time; the history's thread notes, the event loop reads."""

    def __init__(self) -> None:
        # Days of single readings that the size leaves, while these are fewer than wanted.
        self._kept_days: float | None = None
        self._logged: set[str] = set()
        self.remarks: dict[str, str] = {}
        """By subject, a sentence each; replaced as a whole."""

    def note(self, dropped_reports: int, refused_readings: int, series_max: int, kept: Retention) -> None:
        """Notes what is true now."""
        found: dict[str, str] = {}
        if dropped_reports:
            found["dropped"] = (
                f"{dropped_reports} reports are missing in the history since the start: the disk could not keep up"
            )
        if refused_readings:
            found["refused"] = (
                f"{refused_readings} readings were not kept since the start: a device has more than"
                f" {SERIES_PER_DEVICE_MAX} names, or all have more than {series_max}; forget what is gone"
            )
        if self._kept_days is not None:
            found["cut"] = (
                f"the history keeps single readings for {self._kept_days:.1f} days and not {kept.raw_days:g}:"
                " history_retain_bytes_max is reached"
            )
        for subject in found.keys() - self._logged:
            log.warning("= %s", found[subject])
        self._logged |= found.keys()
        self.remarks = found

    def note_cut(self, store: HistoryStore, is_cut: bool, kept: Retention, unix_s: float) -> None:
        """Notes after a check of the size whether it leaves fewer days than wanted."""
        if not is_cut and self._kept_days is None:
            return
        oldest_ms = store.oldest_ms()
        days = 0.0 if oldest_ms is None else max(0.0, unix_s * 1000 - oldest_ms) / DAY_MS
        self._kept_days = days if days < kept.raw_days else None
