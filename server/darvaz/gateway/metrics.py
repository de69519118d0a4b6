"""Metrics for Prometheus: messages counted as the journal writes them, the rest where it happens or when asked."""

from __future__ import annotations

import collections
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder

from darvaz import __version__
from darvaz.gateway.journal.batches import EntryBody, EntryGroup

PINGS_WAITING_MAX = 20_000

_DIRECTIONS = {"<": "received", ">": "sent"}
_PLAIN_CLOSE_CODES = {1000: "closed", 1001: "closed", 1005: "closed", 1006: "lost"}
_ROUND_TRIPS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMMANDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_FRAMES = ("frame", "frames")
_DIRECTION_AND_TYPE = operator.itemgetter(0, 1)
_ENTRIES = operator.itemgetter(4)

disable_created_metrics()  # type: ignore[no-untyped-call]


class DeviceGauge(Protocol):
    """What is read of a device."""

    id: str
    kind: str
    online: bool
    last_seen: float
    rssi_dbm: int | None
    heap_free_bytes: int | None
    uptime_s: float | None


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is read at each scrape."""

    devices: Callable[[], Sequence[DeviceGauge]]
    kinds: tuple[str, ...]
    event_clients: Callable[[], int]
    history_reports_dropped: Callable[[], int]
    cameras: Callable[[], Iterable[CameraGauge]] = tuple


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
        self._make_counters()
        self._registry.register(_GaugeCollector(gauges))

    def _make_counters(self) -> None:
        def counter(name: str, documentation: str, *labels: str) -> Counter:
            return Counter(f"darvaz_{name}", documentation, labels, registry=self._registry)

        def histogram(name: str, documentation: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"darvaz_{name}", documentation, registry=self._registry, buckets=buckets)

        self._connections = counter("connections", "Links of boards, accepted and refused.", "type", "result")
        self._disconnects = counter("disconnects", "Links that ended, by the name of their close code.", "reason")
        self._failures = counter("auth_failures", "Refusals of boards and people, by code.", "reason")
        self._messages = counter("messages", "Messages of boards and to them.", "direction", "type")
        self._bytes = counter("message_bytes", "Their text, in bytes.", "direction")
        self._commands = counter("commands", "Commands, by how they ended.", "result")
        self._frames = counter("camera_frames", "Frames that cameras sent.", "device")
        self._frame_bytes = counter("camera_frame_bytes", "Their size, in bytes.", "device")
        self._command_s = histogram("command_duration_seconds", "From command to ack.", _COMMANDS_S)
        self._round_trip_s = histogram("ping_round_trip_seconds", "From ping to pong.", _ROUND_TRIPS_S)

    # Counting

    def count_connected(self, kind: str) -> None:
        """Counts a link that a board of this kind opened."""
        self._connections.labels(kind, "accepted").inc()

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
        self._commands.labels(result).inc()
        if result == "ok":
            self._command_s.observe(seconds)

    def count_frame(self, device: str, data: bytes) -> None:
        """Counts a frame of a camera."""
        self._frames.labels(device).inc()
        self._frame_bytes.labels(device).inc(len(data))

    def forget(self, device: str) -> None:
        """Says nothing more of a device."""
        for counter in (self._frames, self._frame_bytes):
            counter.remove(device)

    def _count_messages(self, entries: list[EntryBody]) -> None:
        for (direction, type_), count in collections.Counter(map(_DIRECTION_AND_TYPE, entries)).items():
            if direction in _DIRECTIONS and type_ not in _FRAMES:
                self._messages.labels(_DIRECTIONS[direction], type_).inc(count)
        for direction, label in _DIRECTIONS.items():
            text = "".join([payload for way, type_, payload in entries if way == direction and type_ not in _FRAMES])
            self._bytes.labels(label).inc(len(text) if text.isascii() else len(text.encode(errors="replace")))

    def _time_pings(self, groups: Sequence[EntryGroup]) -> None:
        for time_ms, device, _, address, entries in groups:
            for direction, type_, _ in entries:
                if direction == ">" and type_ == "ping":
                    self._pings_ms[device, address] = time_ms
                    if len(self._pings_ms) > PINGS_WAITING_MAX:
                        del self._pings_ms[next(iter(self._pings_ms))]
                elif direction == "<" and type_ == "pong":
                    sent_ms = self._pings_ms.pop((device, address), None)
                    if sent_ms is not None:
                        self._round_trip_s.observe(max(0, time_ms - sent_ms) / 1000)

    # Reading

    def dump(self, accept: str) -> tuple[bytes, str]:
        """Returns the page and its media type, in the form that the reader prefers; messages count from now on."""
        self._is_asked = True
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _GaugeCollector:
    """Reads the gauges at each scrape, so that none can be out of date."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | InfoMetricFamily]:
        devices = self._gauges.devices()
        yield InfoMetricFamily("darvaz_build", "Which Darvaz this is.", {"version": __version__})
        yield self._connected(devices)
        yield _by_device("darvaz_device_up", "Whether a device is here.", devices, lambda device: device.online)
        yield _by_device(
            "darvaz_device_last_seen_timestamp_seconds",
            "When it was last here.",
            devices,
            lambda device: device.last_seen,
        )
        yield _by_device("darvaz_device_rssi_dbm", "Signal of its Wi-Fi.", devices, lambda device: device.rssi_dbm)
        yield _by_device(
            "darvaz_device_heap_free_bytes", "Its free heap.", devices, lambda device: device.heap_free_bytes
        )
        yield _by_device(
            "darvaz_device_uptime_seconds",
            "How long it runs, as it last said.",
            devices,
            lambda device: device.uptime_s,
        )
        yield from _camera_gauges(list(self._gauges.cameras()))
        clients = self._gauges.event_clients()
        yield GaugeMetricFamily("darvaz_event_clients", "Clients of /api/events.", value=clients)
        dropped = self._gauges.history_reports_dropped()
        yield CounterMetricFamily("darvaz_history_dropped_reports", "Reports that the history lost.", value=dropped)

    def _connected(self, devices: Sequence[DeviceGauge]) -> GaugeMetricFamily:
        family = GaugeMetricFamily("darvaz_devices_connected", "Devices that are here.", labels=["type"])
        for kind in self._gauges.kinds:
            family.add_metric([kind], sum(1 for device in devices if device.online and device.kind == kind))
        return family


def _by_device(
    name: str, documentation: str, devices: Sequence[DeviceGauge], read: Callable[[DeviceGauge], float | None]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=["device"])
    for device in devices:
        value = read(device)
        if value is not None:
            family.add_metric([device.id], float(value))
    return family


def _camera_gauges(cameras: list[CameraGauge]) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    viewers = GaugeMetricFamily("darvaz_camera_viewers", "Who looks at a camera now.", labels=["device"])
    dropped = CounterMetricFamily(
        "darvaz_camera_frames_dropped", "Frames that slow viewers were not sent.", labels=["device"]
    )
    for camera in cameras:
        viewers.add_metric([camera.device], camera.viewers)
        dropped.add_metric([camera.device], camera.dropped)
    yield viewers
    yield dropped
