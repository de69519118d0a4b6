"""Telemetry and the bus: what was said last, and who is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.telemetry.history import History, open_history
from darvaz.gateway.telemetry.latest import NAMES_PER_DEVICE_MAX, TYPES, Telemetry
from darvaz.protocol.codec import MessageCodec

PROTOCOL = MessageCodec()
NOW_S = 1_000_000.0


class RecordingHistory(History):
    """A history that only remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(lambda: open_history(Path("never opened")))
        self.given: list[tuple[str, dict[str, float]]] = []
        self.forgotten: list[str] = []

    def record(self, device: str, time_s: float, values: dict[str, float]) -> None:
        self.given.append((device, values))

    def forget(self, device: str) -> None:
        self.forgotten.append(device)


@pytest.fixture
def history() -> RecordingHistory:
    return RecordingHistory()


@pytest.fixture
def telemetry(history: RecordingHistory) -> Telemetry:
    return Telemetry(history, lambda: NOW_S)


@pytest.fixture
def say(telemetry: Telemetry) -> Callable[..., None]:
    """Publishes a message of a device, as a link does."""
    bus = EventBus()
    bus.subscribe(TYPES, telemetry.take)

    def publish(sender: str | None, /, **message: Any) -> None:
        bus.publish(message["type"], sender, PROTOCOL.parse(json.dumps(message)))

    return publish


def test_the_newest_value_of_each_name_is_kept(telemetry: Telemetry, say: Callable[..., None]) -> None:
    say("pico", type="telemetry", values={"temperature": 20.5, "door": "open", "lamp": True})
    say("pico", type="telemetry", values={"temperature": 21})

    latest = telemetry.latest("pico")

    assert {name: reading.value for name, reading in latest.items()} == {
        "temperature": 21,
        "door": "open",
        "lamp": True,
    }
    assert latest["temperature"].time == NOW_S
    assert telemetry.latest("other") == {}


def test_numbers_and_truths_go_into_the_history_and_words_do_not(
    history: RecordingHistory, say: Callable[..., None]
) -> None:
    say("pico", type="telemetry", values={"temperature": 20, "door": "open", "lamp": True})

    assert history.given == [("pico", {"temperature": 20.0, "lamp": 1.0})]


def test_one_name_too_many_takes_the_one_heard_of_longest_ago(telemetry: Telemetry, say: Callable[..., None]) -> None:
    for number in range(NAMES_PER_DEVICE_MAX):
        say("pico", type="telemetry", values={f"n{number}": number})
    say("pico", type="telemetry", values={"n0": 0})
    say("pico", type="telemetry", values={"one_more": 1})

    names = telemetry.latest("pico").keys()
    assert len(names) == NAMES_PER_DEVICE_MAX
    assert "n1" not in names and {"n0", "one_more"} <= names


def test_signs_of_life_tell_how_a_board_is(
    telemetry: Telemetry, history: RecordingHistory, say: Callable[..., None]
) -> None:
    say("pico", type="connect", device="pico", heap_free_bytes=150_000)
    say("pico", type="pong", rssi_dbm=-61, uptime_s=120)
    say("pico", type="pong")

    vitals = telemetry.vitals("pico")

    assert (vitals.rssi_dbm, vitals.heap_free_bytes, vitals.uptime_s) == (-61, 150_000, 120)
    assert history.given == [("pico", {"heap_free_bytes": 150_000.0}), ("pico", {"rssi_dbm": -61.0})]


def test_the_uptime_of_a_report_counts_too(telemetry: Telemetry, say: Callable[..., None]) -> None:
    say("pico", type="telemetry", values={}, uptime_ms=61_500)

    assert telemetry.vitals("pico").uptime_s == 61.5


def test_a_sign_of_life_before_the_introduction_is_nobodys(history: RecordingHistory, say: Callable[..., None]) -> None:
    say(None, type="pong", rssi_dbm=-61)

    assert history.given == []


def test_a_forgotten_device_is_forgotten_everywhere(
    telemetry: Telemetry, history: RecordingHistory, say: Callable[..., None]
) -> None:
    say("pico", type="telemetry", values={"t": 1})
    say("pico", type="pong", rssi_dbm=-61)

    telemetry.forget("pico")

    assert telemetry.latest("pico") == {}
    assert telemetry.vitals_or_none("pico") is None
    assert history.forgotten == ["pico"]


# The bus


def test_only_those_who_asked_are_told_and_in_their_order() -> None:
    bus, told = EventBus(), []
    bus.subscribe(["log", "ack"], lambda type_, device, what: told.append(("first", type_, device, what)))
    bus.subscribe(["log"], lambda type_, device, what: told.append(("second", type_, device, what)))

    bus.publish("log", "pico", 1)
    bus.publish("ack", "pico", 2)
    bus.publish("telemetry", "pico", 3)

    assert told == [("first", "log", "pico", 1), ("second", "log", "pico", 1), ("first", "ack", "pico", 2)]


def test_whoever_leaves_is_told_no_more_even_while_being_told() -> None:
    bus, told = EventBus(), []

    def once(type_: str, device: str | None, what: Any) -> None:
        told.append(what)
        bus.unsubscribe(["log", "ack"], once)

    bus.subscribe(["log", "ack"], once)
    bus.publish("log", None, 1)
    bus.publish("log", None, 2)
    bus.publish("ack", None, 3)
    bus.unsubscribe(["log"], once)

    assert told == [1]
