"""What a session accepts: the sizes, rates and faults that it bears, and one beyond."""

from __future__ import annotations

from typing import Any

import pytest

from darvaz.gateway.session.frame_ends import PADDING_BYTES_MAX
from darvaz.gateway.session.session import (
    EARLY_PACKETS_MAX,
    FrameReceived,
    MessageRejected,
    Packet,
    SessionState,
)
from tests.unit.session.sessions import JPEG, PROTOCOL, codes, make, open_session


def test_a_text_of_the_maximum_is_accepted_and_one_byte_more_closes_with_1009() -> None:
    longest = PROTOCOL.numbers["text_bytes_max"]
    session = open_session()

    session.receive_text('{"type":"ping"' + " " * (longest - 15) + "}", 1.0)
    assert codes(session) == ["pong"]
    session.receive_text('{"type":"ping"' + " " * (longest - 14) + "}", 1.0)

    assert codes(session) == ["too_large", 1009]


def test_the_maximum_of_a_text_counts_bytes_and_not_characters() -> None:
    session = open_session()

    session.receive_text('{"type":"log","message":"' + "د" * 9000 + '"}', 1.0)

    assert codes(session) == ["too_large", 1009]


def test_a_frame_of_the_maximum_is_accepted_and_one_byte_more_closes_with_1009() -> None:
    longest = PROTOCOL.numbers["frame_bytes_max"]
    frame = b"\xff\xd8" + bytes(longest - 4) + b"\xff\xd9"
    session = open_session("esp32cam")

    session.receive_binary(frame, 1.0)
    assert session.take_events() == [FrameReceived(frame)]
    session.receive_binary(b"\xff\xd8" + bytes(longest - 3) + b"\xff\xd9", 1.0)

    assert codes(session) == ["too_large", 1009]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"GIF89a", JPEG[:-1], JPEG[1:], JPEG + b"\1"])
def test_a_frame_that_is_not_a_jpeg_is_answered_with_an_error(data: bytes) -> None:
    session = open_session("esp32cam")

    session.receive_binary(data, 1.0)

    assert codes(session) == ["not_a_frame"]
    assert session.state is SessionState.OPEN


@pytest.mark.parametrize("padding", [b"", b"\x00", b"\xff", b"\x00\xff" * (PADDING_BYTES_MAX // 2)])
def test_a_frame_with_padding_behind_its_end_is_a_picture(padding: bytes) -> None:
    session = open_session("esp32cam")

    session.receive_binary(JPEG + padding, 1.0)

    assert session.take_events() == [FrameReceived(JPEG)]


def test_one_byte_of_padding_beyond_the_maximum_is_no_frame() -> None:
    session = open_session("esp32cam")

    session.receive_binary(JPEG + bytes(PADDING_BYTES_MAX + 1), 1.0)

    assert codes(session) == ["not_a_frame"]


def test_binary_from_a_pico_is_answered_with_an_error() -> None:
    session = open_session("pico")

    session.receive_binary(JPEG, 1.0)

    assert codes(session) == ["not_a_frame"]


def test_a_frame_before_connect_is_answered_with_an_error() -> None:
    session = make("esp32cam")

    session.receive_binary(JPEG, 1.0)

    assert codes(session) == ["wrong_state"]


def test_the_tenth_fault_in_a_row_ends_the_link_and_a_good_message_resets_the_count() -> None:
    session = open_session()
    most = PROTOCOL.numbers["faults_max"]

    for _ in range(most - 1):
        session.receive_text("nonsense", 1.0)
    session.receive_text('{"type":"pong"}', 1.0)
    for _ in range(most - 1):
        session.receive_text("nonsense", 1.0)
    assert session.state is SessionState.OPEN
    session.take_writes()
    session.receive_text("nonsense", 1.0)

    assert codes(session) == ["not_json", "too_many_faults", 1008]


@pytest.mark.parametrize("word", ["nan", "NaN", "-inf", "Infinity", "-Infinity", "null", "1e400"])
def test_a_value_that_is_no_number_is_left_out_and_told_once_and_never_ends_the_link(word: str) -> None:
    session = open_session()
    text = '{"type":"telemetry","values":{"temperature":%s,"note":"nan, \\"null","light":%d}}'

    kept = [session.receive_text(text % (word, number), 1.0) for number in range(12)]

    assert [getattr(message, "values", None) for message in kept] == [
        {"note": 'nan, "null', "light": number} for number in range(12)
    ]
    assert codes(session) == ["invalid"]
    [named] = session.take_events()
    assert isinstance(named, MessageRejected)
    assert named.fault.message == "values.temperature: not a number; left out"
    assert named.fault.field == "values.temperature"


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ('{"type":"telemetry","values":{"a":nan,"b":1},"uptime_ms":null}', "uptime_ms, values.a"),
        ('{"type":"pong","rssi_dbm":null,"heap_free_bytes":5}', "rssi_dbm"),
        ('{"type":"ping","time":nan}', "time"),
        ('{"type":"log","message":"nan","uptime_ms":inf}', "uptime_ms"),
        ('{"type":"ack","id":1,"status":"ok","result":{"t":nan,"u":1}}', "result"),
        ('{"type":"ack","id":1,"status":"ok","result":nan}', "result"),
    ],
)
def test_of_any_message_what_has_no_value_is_left_out_and_the_rest_is_kept(text: str, left_out: str) -> None:
    session = open_session()

    kept = [session.receive_text(text, 1.0) for _ in range(12)]

    assert None not in kept
    assert [event.fault.message for event in session.take_events() if isinstance(event, MessageRejected)] == [
        f"{left_out}: not a number; left out"
    ]
    assert session.state is SessionState.OPEN


def test_a_result_keeps_what_is_beside_a_value_that_is_not_a_number() -> None:
    message: Any = open_session().receive_text('{"type":"ack","id":1,"result":{"t":nan,"u":1}}', 1.0)

    assert message.result == {"t": None, "u": 1}


def test_a_ping_without_a_time_is_answered() -> None:
    session = open_session()

    assert session.receive_text('{"type":"ping","time":nan}', 1.0) is not None
    assert [write.type for write in session.take_writes() if isinstance(write, Packet)] == ["error", "pong"]


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"telemetry","values":{"a":nan,"b":[1]}}',
        '{"type":"telemetry","values":{"a":nan,"b":"\\ud800"}}',
        '{"type":"telemetry","values":{"a":nan,"b":1' + "0" * 5000 + "}}",
        '{"type":"telemetry","values":{"a":nan}',
        '{"type":"telemetry","values":nan}',
        '{"type":"log","message":nan}',
        '["telemetry",nan]',
    ],
)
def test_a_text_with_other_faults_beside_a_value_that_is_no_number_is_a_fault(text: str) -> None:
    session = open_session()

    assert session.receive_text(text, 1.0) is None
    assert codes(session)[0] in ("not_json", "invalid")


def test_before_the_introduction_telemetry_without_values_is_a_fault() -> None:
    session = make()

    assert session.receive_text('{"type":"telemetry","values":{"a":nan}}', 1.0) is None
    assert codes(session) == ["not_json"]


def test_packets_beyond_the_rate_end_the_link() -> None:
    session = open_session(messages_per_s_max=10)

    for _ in range(19):
        session.receive_text('{"type":"pong"}', 0.0)
    assert session.state is SessionState.OPEN
    session.receive_text('{"type":"pong"}', 0.0)

    assert codes(session) == ["too_fast", 1008]


def test_packets_at_the_maximum_rate_never_end_the_link() -> None:
    session = open_session(messages_per_s_max=10)

    for number in range(1000):
        session.receive_text('{"type":"pong"}', number / 10)

    assert session.state is SessionState.OPEN


def test_pings_and_fragments_count_as_packets_but_do_not_prevent_the_idle_timeout() -> None:
    session = open_session(messages_per_s_max=10, idle_timeout_s=300, heartbeat_s=1000)

    session.receive_overhead(19, 0.0)
    session.receive_overhead(20, 299.0)
    session.tick(300.0)

    assert codes(session) == ["idle", 4408]


def test_pings_and_fragments_beyond_the_rate_end_the_link() -> None:
    session = open_session(messages_per_s_max=10)

    # Its connect was one packet.
    session.receive_overhead(19, 0.0)
    assert session.state is SessionState.OPEN
    session.receive_overhead(1, 0.0)

    assert codes(session) == ["too_fast", 1008]


def test_one_packet_too_many_before_the_token_is_refused() -> None:
    session = make(is_admitted=False)

    session.receive_overhead(EARLY_PACKETS_MAX, 1.0)
    assert session.state is SessionState.WAITING_FOR_TOKEN
    session.receive_overhead(1, 1.0)
    session.receive_overhead(1, 1.0)

    assert codes(session) == ["not_authorised", 4401]
