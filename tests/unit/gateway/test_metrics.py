"""Metrics: messages are counted when the journal writes them, links when they change, the rest is read when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from darvaz import __version__
from darvaz.gateway.journal.batches import EntryBody
from darvaz.gateway.metrics import PINGS_WAITING_MAX, CameraGauge, Gauges, Metrics
from darvaz.protocol.codec import MessageCodec

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
HOSTILE = 'x"} 1\ndarvaz_device_up{device="\\fake'


@dataclass
class Device:
    """What the metrics read of a device."""

    id: str = "pico"
    kind: str = "pico"
    online: bool = True
    last_seen: float = 1000.5
    rssi_dbm: int | None = -61
    heap_free_bytes: int | None = None
    uptime_s: float | None = 12.5


class Scraped:
    """Metrics and their samples."""

    def __init__(self, *devices: Device) -> None:
        self.devices = list(devices)
        self.metrics = Metrics(
            MessageCodec().close_codes, Gauges(lambda: self.devices, ("pico", "esp32cam"), lambda: 3, lambda: 7)
        )

    def row(self, direction: str, type_: str, payload: str = "", time_ms: int = 0, kind: str | None = "pico") -> None:
        self.metrics.count_written([(time_ms, "pico", kind, "192.0.2.7", [(direction, type_, payload)])])

    def value(self, name: str, **labels: str) -> float | None:
        return next((v for n, found, v in self.samples() if (n, found) == (name, labels)), None)

    def page(self, accept: str = "") -> bytes:
        parts, _ = self.metrics.dump(accept)
        return b"".join(parts)

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for family in parse_text(self.page().decode()):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value


@pytest.fixture
def scraped() -> Scraped:
    """Metrics whose page was asked for before."""
    scraped = Scraped()
    scraped.metrics.dump("")
    return scraped


def test_messages_are_counted_from_the_first_request_and_links_from_the_start() -> None:
    scraped = Scraped()
    scraped.row("<", "telemetry", "{}")
    scraped.metrics.count_connected("pico")
    first = scraped.value("darvaz_messages_total", direction="received", type="telemetry")

    scraped.row("<", "telemetry", "{}")

    assert first is None
    assert scraped.value("darvaz_messages_total", direction="received", type="telemetry") == 1
    assert scraped.value("darvaz_connections_total", type="pico", result="accepted") == 1


def test_messages_and_their_bytes_are_counted_by_direction(scraped: Scraped) -> None:
    reports: list[EntryBody] = [("<", "telemetry", "{…}")] * 3
    scraped.metrics.count_written(
        [(0, "pico", "pico", "", [*reports, (">", "pong", "{}"), ("<", "frames", "9 frames")])]
    )
    scraped.metrics.count_written([(0, "pico", "pico", "", [report]) for report in reports])

    assert scraped.value("darvaz_messages_total", direction="received", type="telemetry") == 6
    assert scraped.value("darvaz_messages_total", direction="sent", type="pong") == 1
    assert scraped.value("darvaz_message_bytes_total", direction="received") == 6 * 5
    assert scraped.value("darvaz_message_bytes_total", direction="sent") == 2


def test_connections_and_refusals_are_counted_apart(scraped: Scraped) -> None:
    scraped.metrics.count_connected("pico")
    scraped.metrics.count_connected("esp32cam")
    scraped.metrics.count_refused("not_authorised", "pico")
    scraped.metrics.count_refused("too_many_failures")

    assert scraped.value("darvaz_connections_total", type="pico", result="accepted") == 1
    assert scraped.value("darvaz_connections_total", type="esp32cam", result="accepted") == 1
    assert scraped.value("darvaz_connections_total", type="pico", result="refused") == 1
    assert scraped.value("darvaz_auth_failures_total", reason="not_authorised") == 1
    assert scraped.value("darvaz_auth_failures_total", reason="too_many_failures") == 1


@pytest.mark.parametrize(
    ("close_code", "reason"),
    [
        (4408, "idle"),
        (4409, "replaced"),
        (1012, "restarting"),
        (1000, "closed"),
        (1001, "closed"),
        (1005, "closed"),
        (1006, "lost"),
        (3999, "other"),
        (0, "other"),
    ],
)
def test_links_that_ended_are_counted_by_the_name_of_their_close_code(
    scraped: Scraped, close_code: int, reason: str
) -> None:
    scraped.metrics.count_disconnected(close_code)

    assert scraped.value("darvaz_disconnects_total", reason=reason) == 1


@pytest.mark.parametrize("payload", ["closed 4408 idle", "closed ² superscript", "401 not_authorised", ""])
@pytest.mark.parametrize("type_", ["connected", "disconnected", "refused"])
def test_sentences_of_the_journal_are_not_read(scraped: Scraped, type_: str, payload: str) -> None:
    scraped.row("=", type_, payload)

    counted = {name for name, _, value in scraped.samples() if value and name.endswith("_total")}
    assert counted == {"darvaz_history_dropped_reports_total"}


def test_a_ping_is_timed_until_its_pong(scraped: Scraped) -> None:
    scraped.row("<", "pong", time_ms=1)
    scraped.row(">", "ping", time_ms=1000)
    scraped.row("<", "pong", time_ms=1080)
    scraped.row("<", "pong", time_ms=2000)

    assert scraped.value("darvaz_ping_round_trip_seconds_count") == 1
    assert scraped.value("darvaz_ping_round_trip_seconds_sum") == 0.08
    assert scraped.value("darvaz_ping_round_trip_seconds_bucket", le="0.1") == 1
    assert scraped.value("darvaz_ping_round_trip_seconds_bucket", le="0.05") == 0


def test_beyond_the_limit_of_unanswered_pings_the_oldest_is_dropped(scraped: Scraped) -> None:
    scraped.metrics.count_written(
        [(0, f"device{number}", "pico", "", [(">", "ping", "")]) for number in range(PINGS_WAITING_MAX + 1)]
    )
    scraped.metrics.count_written([(1, f"device{number}", "pico", "", [("<", "pong", "")]) for number in (0, 1)])

    assert scraped.value("darvaz_ping_round_trip_seconds_count") == 1


def test_commands_are_counted_by_result_and_successful_ones_timed(scraped: Scraped) -> None:
    scraped.metrics.measure_command("ok", 0.2)
    scraped.metrics.measure_command("timed_out", 10.0)

    assert scraped.value("darvaz_commands_total", result="ok") == 1
    assert scraped.value("darvaz_commands_total", result="timed_out") == 1
    assert scraped.value("darvaz_command_duration_seconds_sum") == 0.2


def test_frames_are_counted_by_camera_until_it_is_forgotten(scraped: Scraped) -> None:
    scraped.metrics.count_frame("yard", b"12345")
    scraped.metrics.count_frame("yard", b"123")
    assert scraped.value("darvaz_camera_frames_total", device="yard") == 2
    assert scraped.value("darvaz_camera_frame_bytes_total", device="yard") == 8

    scraped.metrics.forget("yard")
    scraped.metrics.forget("never was here")

    assert scraped.value("darvaz_camera_frames_total", device="yard") is None


def test_devices_are_read_at_each_request() -> None:
    scraped = Scraped(Device(), Device(id="away", online=False, rssi_dbm=None))

    assert scraped.value("darvaz_devices_connected", type="pico") == 1
    assert scraped.value("darvaz_devices_connected", type="esp32cam") == 0
    assert scraped.value("darvaz_device_up", device="pico") == 1
    assert scraped.value("darvaz_device_up", device="away") == 0
    assert scraped.value("darvaz_device_last_seen_timestamp_seconds", device="pico") == 1000.5
    assert scraped.value("darvaz_device_rssi_dbm", device="pico") == -61
    assert scraped.value("darvaz_device_rssi_dbm", device="away") is None
    assert scraped.value("darvaz_device_heap_free_bytes", device="pico") is None
    assert scraped.value("darvaz_device_uptime_seconds", device="pico") == 12.5
    assert scraped.value("darvaz_event_clients") == 3
    assert scraped.value("darvaz_history_dropped_reports_total") == 7
    assert scraped.value("darvaz_build_info", version=__version__) == 1

    scraped.devices.clear()
    assert scraped.value("darvaz_device_up", device="pico") is None


def test_a_hostile_name_is_escaped() -> None:
    scraped = Scraped(Device(id=HOSTILE))
    scraped.metrics.count_frame(HOSTILE, b"1")

    assert scraped.value("darvaz_device_up", device=HOSTILE) == 1
    assert scraped.value("darvaz_device_up", device="fake") is None
    assert scraped.value("darvaz_camera_frames_total", device=HOSTILE) == 1


def test_openmetrics_is_sent_to_clients_that_prefer_it(scraped: Scraped) -> None:
    (_, plain_type), plain = scraped.metrics.dump("*/*"), scraped.page("*/*")
    (_, page_type), page = scraped.metrics.dump(OPENMETRICS), scraped.page(OPENMETRICS)

    assert plain_type.startswith("text/plain") and not plain.endswith(b"# EOF\n")
    assert page_type.startswith("application/openmetrics-text")
    assert {family.name for family in parse_openmetrics(page.decode())} >= {"darvaz_messages", "darvaz_build"}


def test_cameras_have_viewers_and_dropped_frames() -> None:
    gauges = Gauges(tuple, ("esp32cam",), lambda: 0, lambda: 0, lambda: [CameraGauge("yard", 2, 31)])
    parts, _ = Metrics(MessageCodec().close_codes, gauges).dump("")

    found = {sample.name: sample.value for family in parse_text(b"".join(parts).decode()) for sample in family.samples}
    assert (found["darvaz_camera_viewers"], found["darvaz_camera_frames_dropped_total"]) == (2, 31)
