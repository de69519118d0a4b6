"""A session answers any input with messages of the schema, and never raises."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from darvaz.gateway.session.session import (
    Close,
    Introduced,
    Limits,
    MessageRejected,
    Session,
    SessionState,
    TokenReceived,
)
from darvaz.protocol.codec import MessageCodec
from tests.support.mutants import packets

PROTOCOL = MessageCodec()
# Compiled: the one in Python takes nearly all of the time of this test.
GATEWAYS = jsonschema_rs.validator_for(dict(PROTOCOL.document))
MUTANTS_PER_SEED = 1_000


def make(kind: str) -> Session:
    limits = Limits(messages_per_s_max=1e9)
    return Session(PROTOCOL, PROTOCOL.kinds[kind], limits, 0.0, is_admitted=True, unix_offset_s=1e9)


def give(session: Session, packet: str | bytes) -> None:
    """Gives a session one packet and accepts all that it asks about."""
    if isinstance(packet, str):
        session.receive_text(packet, 0.0)
    else:
        session.receive_binary(packet, 0.0)
    for event in session.take_events():
        if isinstance(event, TokenReceived):
            session.admit()
        elif isinstance(event, Introduced):
            session.welcome(0.0)
        elif isinstance(event, MessageRejected):
            assert event.fault.code in PROTOCOL.error_codes


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_a_thousand_mutants_are_answered_with_messages_of_the_schema(kind: str, seed: int) -> None:
    session = make(kind)

    for packet in packets(seed, MUTANTS_PER_SEED):
        give(session, packet)
        for write in session.take_writes():
            if isinstance(write, Close):
                assert len(write.reason.encode()) <= 123
            else:
                GATEWAYS.validate(json.loads(write.text.encode()))
        if session.state is SessionState.CLOSED:
            session = make(kind)


@pytest.mark.parametrize(
    "text", ['{"\\ud800":1,"\\ud800":2}', '{"type":"ack","result":{"\\udfff":1,"\\udfff":2}}'], ids=["bare", "inner"]
)
def test_half_a_character_twice_as_a_key_is_answered_with_an_error(text: str) -> None:
    session = make("pico")
    give(session, '{"type":"connect","device":"d"}')
    session.take_writes()

    give(session, text)

    (answer,) = session.take_writes()
    assert not isinstance(answer, Close)
    assert json.loads(answer.text)["code"] == "not_json"
