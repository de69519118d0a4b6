"""Every state × every message is answered as the schema says."""

from __future__ import annotations

import json

import pytest

from darvaz.gateway.session.session import Close, Closed, Limits, Packet, Session, SessionState
from darvaz.protocol.codec import MessageCodec

PROTOCOL = MessageCodec()
NAMES = list(PROTOCOL.messages)


def make_session(state: SessionState) -> Session:
    """Returns a camera's session in this state, reached by packets."""
    admitted = state is not SessionState.WAITING_FOR_TOKEN
    kind = PROTOCOL.kinds["esp32cam"]
    session = Session(PROTOCOL, kind, Limits(), 0.0, is_admitted=admitted, unix_offset_s=1_790_000_000)
    if state in (SessionState.OPEN, SessionState.CLOSED):
        session.receive_text('{"type":"connect","device":"pico_device"}', 0.0)
        session.welcome(0.0)
    if state is SessionState.CLOSED:
        session.close("restarting", "the gateway is restarting")
    session.take_events()
    session.take_writes()
    assert session.state is state
    return session


def example(name: str) -> str:
    return json.dumps(PROTOCOL.messages[name]["examples"][0])


def sent_types(session: Session) -> list[str]:
    return [w.type if isinstance(w, Packet) else f"close {w.code}" for w in session.take_writes()]


def test_the_states_are_those_of_the_schema() -> None:
    assert {state.value for state in SessionState} == set(PROTOCOL.document["x-states"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", [SessionState.WAITING_FOR_CONNECT, SessionState.OPEN])
def test_a_message_is_accepted_in_its_states_and_answered_with_an_error_in_others(
    name: str, state: SessionState
) -> None:
    session = make_session(state)
    schema = PROTOCOL.messages[name]

    message = session.receive_text(example(name), 1.0)

    events = [type(event).__name__ for event in session.take_events()]
    if "device" in schema["x-sender"] and state.value in schema["x-states"]:
        assert events in ([], ["TokenReceived"], ["Introduced"])
        assert (message is None) == bool(events)
        assert sent_types(session) == (["pong"] if name == "ping" else [])
    else:
        assert message is None
        assert events == ["MessageRejected"]
        assert sent_types(session) == ["error"]
    assert session.state is state


@pytest.mark.parametrize("name", [name for name in NAMES if name != "auth"])
def test_before_a_token_all_other_messages_are_refused_in_the_same_way(name: str) -> None:
    session = make_session(SessionState.WAITING_FOR_TOKEN)

    session.receive_text(example(name), 1.0)

    writes = session.take_writes()
    assert [w.type if isinstance(w, Packet) else w.code for w in writes] == ["error", 4401]
    assert session.state is SessionState.CLOSED


@pytest.mark.parametrize("name", NAMES)
def test_after_the_end_nothing_is_received_or_sent(name: str) -> None:
    session = make_session(SessionState.CLOSED)

    session.receive_text(example(name), 1.0)
    session.receive_binary(b"\xff\xd8\xff\xd9", 1.0)
    session.tick(1e9)

    assert session.take_events() == []
    assert session.take_writes() == []


def test_a_connect_is_answered_by_a_full_connection_ack() -> None:
    session = make_session(SessionState.WAITING_FOR_CONNECT)

    session.receive_text('{"type":"connect","device":"pan-tilt"}', 5.0)
    session.welcome(5.0)

    (packet,) = session.take_writes()
    assert isinstance(packet, Packet)
    assert json.loads(packet.text) == {
        "type": "connection_ack",
        "status": "success",
        "message": "ESP32CAM connection acknowledged",
        "protocol": 1,
        "time": 1_790_000_005,
        "heartbeat_s": 120.0,
        "device": "pan-tilt",
    }


@pytest.mark.parametrize("name", sorted(PROTOCOL.close_codes.keys() & PROTOCOL.error_codes.keys()))
def test_every_close_code_can_end_a_session(name: str) -> None:
    session = make_session(SessionState.OPEN)

    session.close(name, "because")

    (event,) = session.take_events()
    error, close = session.take_writes()
    assert isinstance(event, Closed) and event.code == PROTOCOL.close_codes[name]
    assert isinstance(error, Packet) and json.loads(error.text)["code"] in PROTOCOL.error_codes
    assert isinstance(close, Close) and close.code == event.code
