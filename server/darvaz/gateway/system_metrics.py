"""Metrics of the gateway itself: its process and event loop, what waits and is lost, its data, its certificate."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from prometheus_client import Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from darvaz.gateway.storage.background_writer import OK
from darvaz.gateway.whole_seconds import until_next_s

# How often the event loop is measured: each measurement is one timer.
LAG_EVERY_S = 1.0
# A disk that hangs must not hold up the page.
DATA_DEADLINE_S = 1.0

_LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class WriterGauge(Protocol):
    """What is read of a background writer."""

    name: str
    lost: Callable[[], int]

    @property
    def state(self) -> str: ...

    @property
    def waiting(self) -> int: ...


class DataUse:
    """The sizes of the data folder's files, and the free space of its disk, as `look` last found them."""

    def __init__(self, folder: Path, patterns: Mapping[str, str]) -> None:
        self._folder = folder
        # Kind of file → pattern of its names in the folder.
        self._patterns = patterns
        # Kind of file → bytes; and free bytes of the disk, None before the first look. Written by the thread.
        self.sizes_bytes: dict[str, int] = {}
        self.free_bytes: int | None = None
        # The look that runs: it may be held up by the disk, and then there is no second one.
        self._looking: asyncio.Future[None] | None = None

    async def refresh(self) -> None:
        """Looks at the folder in a thread; after the deadline the numbers of the last look stay."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(asyncio.to_thread(self.look))
        await asyncio.wait([self._looking], timeout=DATA_DEADLINE_S)

    def look(self) -> None:
        """Reads the sizes from the disk."""
        # A folder that was taken away has no sizes.
        with contextlib.suppress(OSError):
            self.free_bytes = shutil.disk_usage(self._folder).free
        self.sizes_bytes = {kind: _size(self._folder.glob(pattern)) for kind, pattern in self._patterns.items()}


class LoopLag:
    """Measures by how much the event loop is late, once a second."""

    def __init__(self) -> None:
        self.histogram = Histogram(
            "darvaz_event_loop_lag_seconds",
            "How late the event loop was, once a second.",
            registry=None,
            buckets=_LAG_S,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Measures until `close`."""
        self._task = asyncio.get_running_loop().create_task(self._measure())

    async def close(self) -> None:
        """Ends the measurements."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            delay_s = until_next_s(LAG_EVERY_S)
            due_s = loop.time() + delay_s
            await asyncio.sleep(delay_s)
            self.histogram.observe(max(0.0, loop.time() - due_s))


class SystemCollector(Collector):
    """Reads the state of the gateway at each scrape."""

    def __init__(
        self,
        writers: Callable[[], Iterable[WriterGauge]],
        queries: Mapping[str, Callable[[], int]],
        problems: Callable[[], int],
        data_use: DataUse,
    ) -> None:
        self._writers = writers
        self._queries = queries
        self._problems = problems
        self._data_use = data_use

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yields one family after the other."""
        yield GaugeMetricFamily("darvaz_problems", "Sentences in /health.", value=self._problems())
        yield from self._of_writers()
        waiting = GaugeMetricFamily("darvaz_queries_waiting", "Queries that run or wait.", labels=["database"])
        for database, count in self._queries.items():
            waiting.add_metric([database], count())
        yield waiting
        sizes = GaugeMetricFamily("darvaz_data_bytes", "Size of files in the data folder.", labels=["file"])
        for kind, size_bytes in self._data_use.sizes_bytes.items():
            sizes.add_metric([kind], size_bytes)
        yield sizes
        free = GaugeMetricFamily("darvaz_data_free_bytes", "Free space of the disk of the data folder.")
        if self._data_use.free_bytes is not None:
            free.add_metric([], self._data_use.free_bytes)
        yield free

    def _of_writers(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        up = GaugeMetricFamily("darvaz_writer_up", "Whether what it writes reaches the disk.", labels=["writer"])
        waiting = GaugeMetricFamily("darvaz_writer_waiting", "Entries that are not yet written.", labels=["writer"])
        lost = CounterMetricFamily("darvaz_writer_dropped", "Entries that were not kept.", labels=["writer"])
        for writer in self._writers():
            label = [writer.name.replace(" ", "_")]
            up.add_metric(label, writer.state == OK)
            waiting.add_metric(label, writer.waiting)
            lost.add_metric(label, writer.lost())
        yield from (up, waiting, lost)


class ConnectionCollector(Collector):
    """Reads the connections of HTTP: how many there are, and how many were cut off, by reason."""

    def __init__(self, total: Callable[[], int], cut_off: Mapping[str, int]) -> None:
        self._total = total
        self._cut_off = cut_off

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yields both families."""
        yield GaugeMetricFamily("darvaz_http_connections", "Open connections of HTTP.", value=self._total())
        cut_off = CounterMetricFamily("darvaz_http_connections_cut_off", "Those beyond a limit.", labels=["reason"])
        for reason, count in self._cut_off.items():
            cut_off.add_metric([reason], count)
        yield cut_off


class CertificateCollector(Collector):
    """Reads when the certificate of HTTPS ends."""

    def __init__(self, expires_unix_s: Callable[[], float | None]) -> None:
        self._expires_unix_s = expires_unix_s

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields the family; it has no value if the end is not known."""
        family = GaugeMetricFamily("darvaz_certificate_expiry_timestamp_seconds", "When the certificate ends.")
        expires_unix_s = self._expires_unix_s()
        if expires_unix_s is not None:
            family.add_metric([], expires_unix_s)
        yield family


def process_collector() -> Collector:
    """Returns the collector of the process: processor time, memory and open files (Linux only)."""
    return ProcessCollector(registry=None)


def _size(files: Iterable[Path]) -> int:
    total = 0
    for file in files:
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total
