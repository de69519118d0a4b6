"""Telemetry: the newest values and vital signs of each device, and what goes on to the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.latest import Telemetry
from darvaz.gateway.telemetry.newest import NAMES_PER_DEVICE_MAX
from darvaz.gateway.telemetry.recent import Reports, Value
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault
from tests.support.databases import open_history_store
from tests.support.examples import examples

PROTOCOL = MessageCodec()
NOW_S = 1_000_000.0


class RecordingHistory(History):
    """A history that only remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(lambda: open_history_store(Path("never opened")))
        self.given: list[tuple[str, Mapping[str, Value]]] = []
        self.forgotten: list[str] = []

    def record_all(self, reports: Reports) -> None:
        self.given += [(reports.device, values) for values in reports.values]

    def forget(self, device: str) -> None:
        self.forgotten.append(device)


@pytest.fixture
def history() -> RecordingHistory:
    return RecordingHistory()


@pytest.fixture
def telemetry(history: RecordingHistory) -> Telemetry:
    return Telemetry(history, lambda: NOW_S, lambda: 5000.0)


@pytest.fixture
def publish(telemetry: Telemetry) -> Callable[..., None]:
    """Publishes a message of a device, as a link does."""
    bus = EventBus()
    telemetry.follow(bus)

    def publish_as(device: str | None, /, happened_s: float = NOW_S, **fields: Any) -> None:
        message = PROTOCOL.parse(json.dumps(fields))
        assert not isinstance(message, Fault)
        if fields["type"] == "telemetry" and device is not None:
            bus.publish_reports(device, [(happened_s, message)])
        else:
            bus.publish(fields["type"], device, message, happened_s)

    return publish_as


def test_the_newest_value_of_each_name_is_kept(telemetry: Telemetry, publish: Callable[..., None]) -> None:
    publish("pico", type="telemetry", values={"temperature": 20.5, "window": "open", "lamp": True})
    publish("pico", type="telemetry", values={"temperature": 21})

    latest = telemetry.latest("pico")

    assert {name: reading.value for name, reading in latest.items()} == {
        "temperature": 21,
        "window": "open",
        "lamp": True,
    }
    assert latest["temperature"].time == NOW_S
    assert telemetry.latest("other") == {}


def test_every_value_goes_into_the_history(history: RecordingHistory, publish: Callable[..., None]) -> None:
    publish("pico", type="telemetry", values={"temperature": 20, "window": "open", "lamp": True})

    assert history.given == [("pico", {"temperature": 20, "window": "open", "lamp": True})]


def test_one_name_beyond_the_maximum_replaces_the_least_recently_reported(
    telemetry: Telemetry, publish: Callable[..., None]
) -> None:
    for number in range(NAMES_PER_DEVICE_MAX):
        publish("pico", type="telemetry", values={f"n{number}": number})
    publish("pico", type="telemetry", values={"n0": 0})
    publish("pico", type="telemetry", values={"one_more": 1})

    names = telemetry.latest("pico").keys()
    assert len(names) == NAMES_PER_DEVICE_MAX
    assert "n1" not in names and {"n0", "one_more"} <= names


def test_vital_signs_are_kept_and_go_into_the_history(
    telemetry: Telemetry, history: RecordingHistory, publish: Callable[..., None]
) -> None:
    publish("pico", type="connect", device="pico", heap_free_bytes=150_000)
    publish("pico", type="pong", rssi_dbm=-61, uptime_s=120)
    publish("pico", type="pong")

    vitals = telemetry.vitals("pico")

    assert (vitals.rssi_dbm, vitals.heap_free_bytes, vitals.uptime_s) == (-61, 150_000, 120)
    assert history.given == [("pico", {"heap_free_bytes": 150_000.0}), ("pico", {"rssi_dbm": -61.0})]


def test_a_report_of_telemetry_tells_the_uptime_too(telemetry: Telemetry, publish: Callable[..., None]) -> None:
    publish("pico", type="telemetry", values={}, uptime_ms=61_500)

    assert telemetry.vitals("pico").uptime_s == 61.5


def test_vital_signs_before_the_introduction_belong_to_no_device(
    history: RecordingHistory, publish: Callable[..., None]
) -> None:
    publish(None, type="pong", rssi_dbm=-61)

    assert history.given == []


def test_a_forgotten_device_is_forgotten_everywhere(
    telemetry: Telemetry, history: RecordingHistory, publish: Callable[..., None]
) -> None:
    publish("pico", type="telemetry", values={"t": 1})
    publish("pico", type="pong", rssi_dbm=-61)

    telemetry.forget("pico")

    assert telemetry.latest("pico") == {}
    assert telemetry.vitals_or_none("pico") is None
    assert history.forgotten == ["pico"]


def test_a_late_reading_does_not_replace_a_newer_one(
    telemetry: Telemetry, history: RecordingHistory, publish: Callable[..., None]
) -> None:
    publish("pico", type="telemetry", values={"t": 2})
    publish("pico", NOW_S - 60, type="telemetry", values={"t": 1, "window": "open"})

    latest = telemetry.latest("pico")

    assert (latest["t"].value, latest["t"].time) == (2, NOW_S)
    assert (latest["window"].value, latest["window"].time) == ("open", NOW_S - 60)
    assert history.given[1] == ("pico", {"t": 1, "window": "open"})


def test_after_a_clock_that_was_ahead_new_readings_are_the_newest(history: RecordingHistory) -> None:
    ahead_s = [7200.0]
    telemetry = Telemetry(history, lambda: NOW_S + ahead_s[0], lambda: 5000.0)
    message: Any = PROTOCOL.parse('{"type":"telemetry","values":{"t":1}}')
    telemetry.receive_reports("pico", [(NOW_S + 7200, message)])
    ahead_s[0] = 0.0

    telemetry.receive_reports("pico", [(NOW_S, message)])

    assert telemetry.latest("pico")["t"].time == NOW_S


def test_what_waited_on_the_board_does_not_set_its_uptime_back(
    telemetry: Telemetry, publish: Callable[..., None]
) -> None:
    publish("pico", type="connect", device="pico", uptime_ms=90_000)
    publish("pico", type="telemetry", values={}, uptime_ms=61_500)

    assert telemetry.vitals("pico").uptime_s == 90.0


def test_the_uptime_of_before_a_restart_is_not_kept(telemetry: Telemetry, publish: Callable[..., None]) -> None:
    publish("pico", type="pong", uptime_s=90_000)
    publish("pico", type="connect", device="pico")

    assert telemetry.vitals("pico").uptime_s is None


# Seconds ago, and the values.
AGED = st.tuples(st.integers(0, 3), st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), min_size=1))
# Reports that come together, and whether somebody looks after that.
BURSTS = st.lists(st.tuples(st.lists(AGED, min_size=1, max_size=4), st.booleans()), max_size=8)


@examples(60)
@given(bursts=BURSTS)
def test_newest_values_are_those_that_each_report_by_itself_would_leave(bursts: Any) -> None:
    kept = Telemetry(RecordingHistory(), lambda: NOW_S, lambda: 5000.0)
    expected: dict[str, tuple[int, float]] = {}

    for burst, is_read in bursts:
        messages = [PROTOCOL.parse(json.dumps({"type": "telemetry", "values": values})) for _, values in burst]
        kept.receive_reports("pico", [(NOW_S - aged[0], each) for aged, each in zip(burst, messages, strict=True)])
        for age_s, values in burst:
            for name, value in values.items():
                if NOW_S - age_s >= expected.get(name, (0, 0.0))[1]:
                    expected[name] = (value, NOW_S - age_s)
        if is_read:
            kept.latest("pico")

        stored = {name: (reading.value, reading.time) for name, reading in kept.dump("pico")[1].items()}
        assert stored == expected, "what is written to the disk"
    shown = {name: (reading.value, reading.time) for name, reading in kept.latest("pico").items()}
    assert shown == expected


def test_of_reports_that_came_together_each_is_recorded_and_the_longest_uptime_counts(
    telemetry: Telemetry, history: RecordingHistory
) -> None:
    messages: list[Any] = [
        PROTOCOL.parse(f'{{"type":"telemetry","values":{{"t":{uptime_s}}},"uptime_ms":{uptime_s * 1000}}}')
        for uptime_s in (1, 3, 2)
    ]

    telemetry.receive_reports("pico", [(NOW_S, message) for message in messages])

    assert history.given == [("pico", {"t": 1}), ("pico", {"t": 3}), ("pico", {"t": 2})]
    assert telemetry.vitals("pico").uptime_s == 3.0
