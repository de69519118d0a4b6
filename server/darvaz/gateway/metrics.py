"""Metrics for Prometheus: counted from what the journal writes, measured where it happens, read when asked."""

from __future__ import annotations

import collections
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder

from darvaz import __version__
from darvaz.gateway.journal.batches import EntryBody, EntryGroup, states_of

PINGS_WAITING_MAX = 20_000

_DIRECTIONS = {"<": "received", ">": "sent"}
_PLAIN_CLOSE_CODES = {1000: "closed", 1001: "closed", 1005: "closed", 1006: "lost"}
_ROUND_TRIPS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMMANDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_FRAMES = ("frame", "frames")
_DIRECTION_AND_TYPE = operator.itemgetter(0, 1)
_SAID = operator.itemgetter(4)

disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is read at each scrape; a device is described as the API does."""

    devices: Callable[[], Iterable[Mapping[str, Any]]]
    kinds: tuple[str, ...]
    event_clients: Callable[[], int]
    history_reports_dropped: Callable[[], int]
    cameras: Callable[[], Iterable[CameraGauge]] = tuple


class CameraGauge(NamedTuple):
    """A camera: its device, how many look, and how many frames were not sent because somebody is slow."""

    device: str
    viewers: int
    dropped: int


class Metrics:
    """Everything that `/metrics` says. `count_written` may be called from any thread, the rest from the event loop."""

    def __init__(self, close_codes: Mapping[str, int], gauges: Gauges) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._close_names = {code: name for name, code in close_codes.items()} | _PLAIN_CLOSE_CODES
        self._is_asked = False
        self._pings_ms: dict[tuple[str | None, str], int] = {}
        self._make_counters()
        self._registry.register(_Reading(gauges))

    def _make_counters(self) -> None:
        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"darvaz_{name}", says, labels, registry=self._registry)

        def histogram(name: str, says: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"darvaz_{name}", says, registry=self._registry, buckets=buckets)

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

    def count_written(self, moments: Sequence[EntryGroup]) -> None:
        """Counts what the journal has written; messages only once somebody has asked for the metrics.

        There may be hundreds of thousands a second, and counting them would take a seventh of their time.
        """
        states = states_of(moments)
        if states:
            self._count_states(states)
        if self._is_asked:
            self._count_messages(list(itertools.chain.from_iterable(map(_SAID, moments))))
            self._time_pings(moments)

    def measure_command(self, result: str, seconds: float) -> None:
        """Counts a command and how long it took."""
        self._commands.labels(result).inc()
        if result == "ok":
            self._command_s.observe(seconds)

    def count_frame(self, type_: str, device: str | None, data: Any) -> None:
        """Counts a frame of the feed."""
        if device is not None:
            self._frames.labels(device).inc()
            self._frame_bytes.labels(device).inc(len(data))

    def forget(self, device: str) -> None:
        """Says nothing more of a device."""
        for counter in (self._frames, self._frame_bytes):
            counter.remove(device)

    def _count_messages(self, said: list[EntryBody]) -> None:
        for (direction, type_), count in collections.Counter(map(_DIRECTION_AND_TYPE, said)).items():
            if direction in _DIRECTIONS and type_ not in _FRAMES:
                self._messages.labels(_DIRECTIONS[direction], type_).inc(count)
        for direction, where in _DIRECTIONS.items():
            text = "".join([payload for way, type_, payload in said if way == direction and type_ not in _FRAMES])
            self._bytes.labels(where).inc(len(text) if text.isascii() else len(text.encode(errors="replace")))

    def _count_states(self, moments: Sequence[EntryGroup]) -> None:
        for _, _, kind, _, said in moments:
            for direction, type_, payload in said:
                if direction == "=":
                    self._count_state(kind, type_, payload)

    def _count_state(self, kind: str | None, type_: str, payload: str) -> None:
        if type_ == "connected":
            self._connections.labels(kind or "", "accepted").inc()
        elif type_ == "disconnected":
            self._disconnects.labels(self._reason(payload)).inc()
        elif type_ == "refused":
            self._failures.labels(payload.rpartition(" ")[2]).inc()
            if kind is not None:
                self._connections.labels(kind, "refused").inc()

    def _reason(self, payload: str) -> str:
        word, _, rest = payload.partition(" ")
        code = rest.partition(" ")[0]
        if word != "closed" or not code.isdecimal():
            return "lost"
        return self._close_names.get(int(code), "other")

    def _time_pings(self, moments: Sequence[EntryGroup]) -> None:
        for time_ms, device, _, address, said in moments:
            for direction, type_, _ in said:
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


class _Reading:
    """Reads the gauges at each scrape, so that none can be out of date."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | InfoMetricFamily]:
        devices = list(self._gauges.devices())
        yield InfoMetricFamily("darvaz_build", "Which Darvaz this is.", {"version": __version__})
        yield self._connected(devices)
        yield _by_device("darvaz_device_up", "Whether a device is here.", devices, "online")
        yield _by_device("darvaz_device_last_seen_timestamp_seconds", "When it was last here.", devices, "last_seen")
        yield _by_device("darvaz_device_rssi_dbm", "Signal of its Wi-Fi.", devices, "rssi_dbm")
        yield _by_device("darvaz_device_heap_free_bytes", "Its free heap.", devices, "heap_free_bytes")
        yield _by_device("darvaz_device_uptime_seconds", "How long it runs, as it last said.", devices, "uptime_s")
        yield from _watched(list(self._gauges.cameras()))
        clients = self._gauges.event_clients()
        yield GaugeMetricFamily("darvaz_event_clients", "Clients of /api/events.", value=clients)
        dropped = self._gauges.history_reports_dropped()
        yield CounterMetricFamily("darvaz_history_dropped_reports", "Reports that the history lost.", value=dropped)

    def _connected(self, devices: list[Mapping[str, Any]]) -> GaugeMetricFamily:
        family = GaugeMetricFamily("darvaz_devices_connected", "Devices that are here.", labels=["type"])
        for kind in self._gauges.kinds:
            family.add_metric([kind], sum(1 for device in devices if device["online"] and device["kind"] == kind))
        return family


def _by_device(name: str, says: str, devices: list[Mapping[str, Any]], field: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=["device"])
    for device in devices:
        if device[field] is not None:
            family.add_metric([device["id"]], float(device[field]))
    return family


def _watched(cameras: list[CameraGauge]) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    viewers = GaugeMetricFamily("darvaz_camera_viewers", "Who looks at a camera now.", labels=["device"])
    dropped = CounterMetricFamily(
        "darvaz_camera_frames_dropped", "Frames that slow viewers were not sent.", labels=["device"]
    )
    for camera in cameras:
        viewers.add_metric([camera.device], camera.viewers)
        dropped.add_metric([camera.device], camera.dropped)
    yield viewers
    yield dropped
