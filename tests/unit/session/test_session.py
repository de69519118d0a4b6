"""The deadlines, limits and refusals of a session, with the time given by the test."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.session.session import (
    Close,
    Introduced,
    MessageRejected,
    Packet,
    SessionState,
    TokenReceived,
)
from darvaz.protocol.faults import Fault
from tests.support.examples import examples
from tests.unit.session.sessions import JPEG, PROTOCOL, codes, make, open_session


def test_a_valid_token_as_first_message_admits_the_device() -> None:
    session = make(is_admitted=False)

    session.receive_text('{"type":"auth","token":"dvz_x_y"}', 1.0)
    shown = session.take_events()
    session.admit()

    assert shown == [TokenReceived("dvz_x_y", None)]
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

    assert fits.take_events() == [TokenReceived("t", None)]
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


@examples(60)
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
