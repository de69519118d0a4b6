"""Metrics for Prometheus: messages counted as the journal writes them, the rest where it happens or when asked."""

from __future__ import annotations

import collections
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from darvaz import __version__
from darvaz.gateway.device_metrics import DeviceFamilies, DeviceGauge, Family, escape
from darvaz.gateway.journal.batches import EntryBody, EntryGroup
from darvaz.gateway.telemetry_metrics import Boards, telemetry_texts

PINGS_WAITING_MAX = 20_000

_DIRECTIONS = {"<": "received", ">": "sent"}
_PLAIN_CLOSE_CODES = {1000: "closed", 1001: "closed", 1005: "closed", 1006: "lost"}
_ROUND_TRIPS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Commands that are counted together, which takes a third of the time.
_MEASURED_MAX = 256
_COMMANDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_OPENMETRICS = "application/openmetrics-text"
# The last line of a page in that format.
_END = b"# EOF\n"

_FRAMES = ("frame", "frames")
_DIRECTION_AND_TYPE = operator.itemgetter(0, 1)
_ENTRIES = operator.itemgetter(4)

disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is read at each scrape."""

    devices: Callable[[], Iterable[DeviceGauge]]
    kinds: tuple[str, ...]
    event_clients: Callable[[], int]
    history_reports_dropped: Callable[[], int]
    cameras: Callable[[], Iterable[CameraGauge]] = tuple
    telemetry: Boards = tuple


class CameraGauge(NamedTuple):
    """A camera: its device, how many viewers it has, and how many frames slow viewers were not sent."""

    device: str
    viewers: int
    dropped: int


class Metrics:
    """All that `/metrics` shows. `count_written` may be called from any thread, the rest from the event loop."""

    def __init__(self, close_codes: Mapping[str, int], gauges: Gauges) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._close_names = {code: name for name, code in close_codes.items()} | _PLAIN_CLOSE_CODES
        # Whether the page was ever asked for: until then, messages are not counted.
        self._is_asked = False
        # Device and address → Unix milliseconds of its ping without a pong yet, the oldest first. The journal writer's.
        self._pings_ms: dict[tuple[str | None, str], int] = {}
        # Device → number of frames that its camera sent, and their bytes.
        self._frames: dict[str, tuple[int, int]] = {}
        # Results of commands and how long they took, in seconds, which are not counted yet.
        self._measured: list[tuple[str, float]] = []
        self._make_counters()
        self._gauges = gauges
        self._registry.register(_GaugeCollector(gauges))

    def register(self, collector: Collector) -> None:
        """Has a collector read at each scrape, for the metrics that have no line for each device."""
        self._registry.register(collector)

    def _make_counters(self) -> None:
        def counter(name: str, documentation: str, *labels: str) -> Counter:
            return Counter(f"darvaz_{name}", documentation, labels, registry=self._registry)

        def histogram(name: str, documentation: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"darvaz_{name}", documentation, registry=self._registry, buckets=buckets)

        self._connections = counter("connections", "Links of boards, accepted and refused.", "type", "result")
        # By kind: to find one by its labels takes several times as long as to count.
        self._accepted: dict[str, Counter] = {}
        self._disconnects = counter("disconnects", "Links that ended, by the name of their close code.", "reason")
        self._failures = counter("auth_failures", "Refusals of boards and people, by code.", "reason")
        self._messages = counter("messages", "Messages of boards and to them.", "direction", "type")
        self._bytes = counter("message_bytes", "Their text, in bytes.", "direction")
        self._commands = counter("commands", "Commands, by how they ended.", "result")
        self._command_s = histogram("command_duration_seconds", "From command to ack.", _COMMANDS_S)
        self._round_trip_s = histogram("ping_round_trip_seconds", "From ping to pong.", _ROUND_TRIPS_S)

    # Counting

    def count_connected(self, kind: str) -> None:
        """Counts a link that a board of this kind opened."""
        accepted = self._accepted.get(kind)
        if accepted is None:
            accepted = self._accepted[kind] = self._connections.labels(kind, "accepted")
        accepted.inc()

    def count_refused(self, code: str, kind: str | None = None) -> None:
        """Counts a refusal by its code; the kind is that of a board, None for people and programs."""
        self._failures.labels(code).inc()
        if kind is not None:
            self._connections.labels(kind, "refused").inc()

    def count_disconnected(self, close_code: int) -> None:
        """Counts a link that ended, by the name of its close code."""
        self._disconnects.labels(self._close_names.get(close_code, "other")).inc()

    def count_written(self, groups: Sequence[EntryGroup]) -> None:
        """Counts the messages that the journal has written, only once somebody has asked for the metrics.

        There may be hundreds of thousands a second, and counting them would take a seventh of their time.
        """
        if self._is_asked:
            self._count_messages(list(itertools.chain.from_iterable(map(_ENTRIES, groups))))
            self._time_pings(groups)

    def measure_command(self, result: str, seconds: float) -> None:
        """Counts a command and how long it took."""
        self._measured.append((result, seconds))
        if len(self._measured) >= _MEASURED_MAX:
            self._count_measured()

    def _count_measured(self) -> None:
        for result, seconds in self._measured:
            self._commands.labels(result).inc()
            if result == "ok":
                self._command_s.observe(seconds)
        self._measured.clear()

    def count_frame(self, device: str, data: bytes) -> None:
        """Counts a frame of a camera."""
        frames, size_bytes = self._frames.get(device, (0, 0))
        self._frames[device] = (frames + 1, size_bytes + len(data))

    def forget(self, device: str) -> None:
        """Says nothing more of a device."""
        self._frames.pop(device, None)

    def _count_messages(self, entries: list[EntryBody]) -> None:
        for (direction, type_), count in collections.Counter(map(_DIRECTION_AND_TYPE, entries)).items():
            if direction in _DIRECTIONS and type_ not in _FRAMES:
                self._messages.labels(_DIRECTIONS[direction], type_).inc(count)
        for direction, label in _DIRECTIONS.items():
            text = "".join([entry[2] for entry in entries if entry[0] == direction and entry[1] not in _FRAMES])
            self._bytes.labels(label).inc(len(text) if text.isascii() else len(text.encode(errors="replace")))

    def _time_pings(self, groups: Sequence[EntryGroup]) -> None:
        for time_ms, device, _, address, entries in groups:
            for direction, type_, *_ in entries:
                if direction == ">" and type_ == "ping":
                    self._pings_ms[device, address] = time_ms
                    if len(self._pings_ms) > PINGS_WAITING_MAX:
                        del self._pings_ms[next(iter(self._pings_ms))]
                elif direction == "<" and type_ == "pong":
                    sent_ms = self._pings_ms.pop((device, address), None)
                    if sent_ms is not None:
                        self._round_trip_s.observe(max(0, time_ms - sent_ms) / 1000)

    # Reading

    def dump(self, accept: str) -> tuple[Iterator[bytes], str]:
        """Returns the page and its media type, in the form that the reader prefers; messages count from now on.

        The page is in parts: with thousands of devices, the whole takes a tenth of a second.
        """
        self._is_asked = True
        self._count_measured()
        encode, media_type = choose_encoder(accept)
        return self._parts(encode(self._registry), is_openmetrics=_OPENMETRICS in media_type), media_type

    def _parts(self, common: bytes, *, is_openmetrics: bool) -> Iterator[bytes]:
        yield common.removesuffix(_END)
        devices = DeviceFamilies(self._gauges.kinds, is_openmetrics=is_openmetrics)
        for device in self._gauges.devices():
            devices.add(device)
            # Nothing yet, but the event loop may do something else.
            yield b""
        yield from devices.texts()
        yield from self._cameras(is_openmetrics=is_openmetrics)
        yield from telemetry_texts(self._gauges.telemetry, escape)
        if is_openmetrics:
            yield _END

    def _cameras(self, *, is_openmetrics: bool) -> Iterator[bytes]:
        def counter(name: str, documentation: str) -> Family:
            return Family(name, documentation, "counter", is_openmetrics=is_openmetrics)

        frames = counter("darvaz_camera_frames", "Frames that cameras sent.")
        frame_bytes = counter("darvaz_camera_frame_bytes", "Their size, in bytes.")
        viewers = Family("darvaz_camera_viewers", "Who looks at a camera now.", is_openmetrics=is_openmetrics)
        dropped = counter("darvaz_camera_frames_dropped", "Frames that slow viewers were not sent.")
        for device, (count, size_bytes) in list(self._frames.items()):
            frames.add(device, count)
            frame_bytes.add(device, size_bytes)
            yield b""
        for camera in self._gauges.cameras():
            viewers.add(camera.device, camera.viewers)
            dropped.add(camera.device, camera.dropped)
            yield b""
        for family in (frames, frame_bytes, viewers, dropped):
            yield family.text()


class _GaugeCollector:
    """Reads the gauges without a device at each scrape, so that none can be out of date."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | InfoMetricFamily]:
        yield InfoMetricFamily("darvaz_build", "Which Darvaz this is.", {"version": __version__})
        clients = self._gauges.event_clients()
        yield GaugeMetricFamily("darvaz_event_clients", "Clients of /api/events.", value=clients)
        dropped = self._gauges.history_reports_dropped()
        yield CounterMetricFamily("darvaz_history_dropped_reports", "Reports that the history lost.", value=dropped)
