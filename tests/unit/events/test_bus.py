"""The event bus: subscribers get what they subscribed to, at once and in order."""

from __future__ import annotations

import json
from typing import Any

from darvaz.gateway.events.bus import EventBus
from darvaz.protocol.codec import Message, MessageCodec
from darvaz.protocol.faults import Fault

PROTOCOL = MessageCodec()


def message(type_: str, **fields: object) -> Message:
    parsed = PROTOCOL.parse(json.dumps({"type": type_, **fields}))
    assert not isinstance(parsed, Fault)
    return parsed


LOG = message("log", message="hello", level="info")
ACK = message("ack", status="ok")
PONG = message("pong")
NOW_S = 1_790_000_000.0


def test_messages_go_to_the_subscribers_of_their_type_in_order() -> None:
    bus, received = EventBus(), []
    bus.subscribe(["log", "ack"], lambda *event: received.append(("first", *event)))
    bus.subscribe(["log"], lambda *event: received.append(("second", *event)))

    bus.publish("log", "pico", LOG, NOW_S)
    bus.publish("ack", "pico", ACK, NOW_S)
    bus.publish("pong", "pico", PONG, NOW_S)

    assert received == [
        ("first", "log", "pico", LOG, NOW_S),
        ("second", "log", "pico", LOG, NOW_S),
        ("first", "ack", "pico", ACK, NOW_S),
    ]


def test_reports_come_together_or_one_after_another() -> None:
    bus, received = EventBus(), list[Any]()
    reports = [(NOW_S, message("telemetry", values={"t": 1})), (NOW_S + 1, message("telemetry", values={"t": 2}))]
    bus.subscribe(["telemetry"], lambda *event: received.append(event))
    bus.subscribe_reports(lambda *event: received.append(event))

    bus.publish_reports("pico", reports)

    each = [("telemetry", "pico", report, happened_s) for happened_s, report in reports]
    assert received == [("pico", reports), *each]


def test_a_subscriber_may_unsubscribe_while_it_is_called() -> None:
    bus, received = EventBus(), []

    def once(type_: str, device: str | None, message: Message, happened_s: float) -> None:
        received.append(type_)
        bus.unsubscribe(["log", "ack"], once)

    bus.subscribe(["log", "ack"], once)
    bus.publish("log", None, LOG, NOW_S)
    bus.publish("log", None, LOG, NOW_S)
    bus.publish("ack", None, ACK, NOW_S)
    bus.unsubscribe(["log"], once)

    assert received == ["log"]


def test_frames_and_changes_of_devices_have_subscribers_of_their_own() -> None:
    bus, received = EventBus(), []

    def on_frame(device: str, data: bytes) -> None:
        received.append((device, data))

    def on_presence(device: str) -> None:
        received.append((device, b"presence"))

    def on_forgotten(device: str) -> None:
        received.append((device, b"forgotten"))

    bus.subscribe_frames(on_frame)
    bus.subscribe_devices(on_presence, on_forgotten)
    bus.publish_frame("yard", b"jpeg")
    bus.publish_presence("pico")
    bus.publish_forgotten("pico")
    bus.publish("log", "pico", LOG, NOW_S)
    assert received == [("yard", b"jpeg"), ("pico", b"presence"), ("pico", b"forgotten")]

    bus.unsubscribe_frames(on_frame)
    bus.unsubscribe_devices(on_presence, on_forgotten)
    bus.publish_frame("yard", b"jpeg")
    bus.publish_presence("pico")
    bus.publish_forgotten("pico")
    assert len(received) == 3
