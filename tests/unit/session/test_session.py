"""The deadlines, limits and refusals of a session, with the time given by the test."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darvaz.gateway.session.frame_ends import PADDING_BYTES_MAX
from darvaz.gateway.session.session import (
    EARLY_PACKETS_MAX,
    Close,
    FrameReceived,
    Introduced,
    Limits,
    MessageRejected,
    Packet,
    Session,
    SessionState,
    TokenReceived,
)
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

PROTOCOL = MessageCodec()
JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"


def make(kind: str = "pico", *, is_admitted: bool = True, **limits: float) -> Session:
    return Session(PROTOCOL, PROTOCOL.kinds[kind], Limits(**limits), 0.0, is_admitted=is_admitted, unix_offset_s=1e9)


def open_session(kind: str = "pico", **limits: Any) -> Session:
    session = make(kind, **limits)
    session.receive_text('{"type":"connect","device":"d"}', 0.0)
    session.welcome(0.0)
    session.take_events()
    session.take_writes()
    return session


def codes(session: Session) -> list[Any]:
    """Returns what was written: error codes, close codes and other types."""
    found: list[Any] = []
    for write in session.take_writes():
        if isinstance(write, Close):
            found.append(write.code)
        else:
            found.append(json.loads(write.text).get("code", write.type))
    return found


def test_a_valid_token_as_first_message_admits_the_device() -> None:
    session = make(is_admitted=False)

    session.receive_text('{"type":"auth","token":"dvz_x_y"}', 1.0)
    shown = session.take_events()
    session.admit()

    assert shown == [TokenReceived("dvz_x_y")]
    assert session.state is SessionState.WAITING_FOR_CONNECT
    assert session.take_writes() == []


def test_a_wrong_token_as_first_message_is_refused_by_4401() -> None:
    session = make(is_admitted=False)
    session.receive_text('{"type":"auth","token":"dvz_x_y"}', 1.0)

    session.refuse(Fault("not_authorised", "no token, or not a good one"))

    assert codes(session) == ["not_authorised", 4401]


def test_silence_before_a_token_is_refused_at_the_deadline_and_not_before() -> None:
    session = make(is_admitted=False, auth_deadline_s=10)

    session.tick(9.99)
    assert session.state is SessionState.WAITING_FOR_TOKEN
    session.tick(10.0)

    assert codes(session) == ["not_authorised", 4401]


def test_an_auth_one_byte_beyond_the_maximum_is_refused_without_parsing() -> None:
    longest = PROTOCOL.numbers["auth_bytes_max"]
    start = '{"type":"auth","token":"t"'

    fits = make(is_admitted=False)
    fits.receive_text(start + " " * (longest - len(start) - 1) + "}", 1.0)
    beyond = make(is_admitted=False)
    beyond.receive_text(start + " " * (longest - len(start)) + "}", 1.0)

    assert fits.take_events() == [TokenReceived("t")]
    assert codes(beyond) == ["not_authorised", 4401]


def test_a_device_admitted_by_header_may_still_send_a_token() -> None:
    session = make()

    session.receive_text('{"type":"auth","token":"t"}', 1.0)
    session.admit()
    session.receive_text('{"type":"connect","device":"d"}', 1.0)

    assert [type(e) for e in session.take_events()] == [TokenReceived, Introduced]


def test_the_gateway_pings_every_heartbeat() -> None:
    session = open_session(heartbeat_s=120, idle_timeout_s=10_000)

    session.tick(119.9)
    assert session.take_writes() == []
    session.tick(120.0)
    session.tick(239.9)

    (packet,) = session.take_writes()
    assert isinstance(packet, Packet)
    assert json.loads(packet.text) == {"type": "ping", "time": 1_000_000_120}
    session.tick(240.0)
    assert codes(session) == ["ping"]


def test_any_packet_prevents_the_idle_timeout() -> None:
    session = open_session(heartbeat_s=1e4, idle_timeout_s=300)

    session.receive_text("nonsense", 299.0)
    session.tick(598.9)
    assert session.state is SessionState.OPEN
    session.take_writes()
    session.tick(599.0)

    assert codes(session) == ["idle", 4408]


def test_the_deadline_is_when_tick_must_be_called() -> None:
    assert make(is_admitted=False, auth_deadline_s=10).deadline_s == 10
    session = open_session(heartbeat_s=120, idle_timeout_s=100)
    assert session.deadline_s == 100
    session.tick(100.0)
    assert session.deadline_s is None


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
    "text",
    [
        '{"type":"telemetry","values":{"a":nan,"b":[1]}}',
        '{"type":"telemetry","values":{"a":nan,"b":"\\ud800"}}',
        '{"type":"telemetry","values":{"a":nan,"b":1' + "0" * 5000 + "}}",
        '{"type":"telemetry","values":{"a":nan},"uptime_ms":nan}',
        '{"type":"telemetry","values":{"a":nan}',
        '{"type":"telemetry","values":nan}',
        '{"type":"log","message":"telemetry","x":nan}',
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


def test_a_link_may_introduce_itself_again_but_not_as_another_device() -> None:
    session = open_session()

    session.receive_text('{"type":"connect","device":"d","version":"2"}', 1.0)
    session.welcome(1.0)
    assert codes(session) == ["connection_ack"]
    session.receive_text('{"type":"connect","device":"e"}', 1.0)

    assert codes(session) == ["invalid"]
    assert session.device == "d"


def test_the_text_of_a_faulty_auth_is_hidden() -> None:
    session = make()

    session.receive_text('{"type":"auth","token":"dvz_secret","type":"ping"}', 1.0)

    (event,) = session.take_events()
    assert isinstance(event, MessageRejected) and event.text is None


def test_setting_the_wall_clock_changes_the_time_in_pings_but_not_the_deadlines() -> None:
    session = open_session(heartbeat_s=10)

    session.unix_offset_s -= 86_400.0
    session.tick(9.9)
    assert session.take_writes() == []
    session.tick(10.0)

    (ping,) = session.take_writes()
    assert isinstance(ping, Packet)
    assert json.loads(ping.text) == {"type": "ping", "time": int(1e9) - 86_400 + 10}
    assert session.deadline_s == 20.0


def test_a_command_is_sent_only_while_open() -> None:
    message = PROTOCOL.make("command", id=1, name="pan", args={})

    assert make().send_command(message) is False
    session = open_session()
    assert session.send_command(message) is True
    assert codes(session) == ["command"]


def test_an_ordinary_message_is_returned_and_not_an_event() -> None:
    session = open_session()

    received = session.receive_text('{"type":"log", "message":"hi"}', 1.0)

    assert received == PROTOCOL.make("log", message="hi")
    assert session.take_events() == []


_EXAMPLES = [json.dumps(e) for schema in PROTOCOL.messages.values() for e in schema["examples"]]
_PACKETS = st.one_of(
    st.sampled_from(_EXAMPLES),
    st.text(max_size=60),
    st.binary(max_size=60),
    st.sampled_from([JPEG, b"\xff\xd8", "x" * 20_000, '{"type":"log"}']),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), _PACKETS),
        st.tuples(st.just("wait"), st.floats(0, 400)),
        st.tuples(st.sampled_from(["admit", "welcome", "refuse", "close", "command"]), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(["pico", "esp32cam"]), is_admitted=st.booleans(), steps=_STEPS)
def test_no_sequence_of_packets_and_clock_steps_raises(kind: str, is_admitted: bool, steps: list[Any]) -> None:
    session = make(kind, is_admitted=is_admitted)
    now_s = 0.0
    was_closed = False

    for step, value in steps:
        match step:
            case "receive" if isinstance(value, str):
                session.receive_text(value, now_s)
            case "receive":
                session.receive_binary(value, now_s)
            case "wait":
                now_s += value
                session.tick(now_s)
            case "admit":
                session.admit()
            case "welcome" if session.device:
                session.welcome(now_s)
            case "refuse":
                session.refuse(Fault("not_authorised", "no"))
            case "close":
                session.close("restarting", "soon back")
            case "command":
                session.send_command(PROTOCOL.make("command", id=1, name="go", args={}))
        writes = session.take_writes()
        assert not (was_closed and writes)
        was_closed = session.state is SessionState.CLOSED
        assert was_closed == (session.deadline_s is None)
        assert [w for w in writes if isinstance(w, Close)] == writes[-1:] if was_closed and writes else True
        for write in writes:
            if isinstance(write, Packet):
                schema = PROTOCOL.messages[json.loads(write.text)["type"]]
                assert "gateway" in schema["x-sender"]


@pytest.mark.parametrize("character", ["x", "گ", "🌱"])
def test_a_reason_is_cut_to_what_a_close_packet_holds(character: str) -> None:
    session = open_session()

    session.close("not_allowed", character * 124)

    *_, close = session.take_writes()
    assert isinstance(close, Close)
    assert 120 <= len(close.reason.encode()) <= 123
    assert close.reason == character * len(close.reason)
