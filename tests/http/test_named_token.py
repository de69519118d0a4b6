"""A handshake that names a token: also from this machine, nothing comes before the proof."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")

NONCE = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.mark.parametrize(
    "packet",
    [
        '{"type":"connect","device":"lamp"}',
        '{"type":"auth"}',
        '{"type":"auth","proof":"short"}',
        json.dumps({"type": "auth", "proof": "0" * 64}),
    ],
)
async def test_what_is_no_proof_ends_the_link(packet: str, gateway: RunningApp) -> None:
    issued = gateway.parts.access.tokens.issue("pico")
    link = await gateway.open_websocket("/ws/pico", {"Darvaz-Token": f"{issued.token_id} {NONCE}"})

    await link.send(packet)

    assert json.loads(await link.recv())["code"] == "not_authorised"
    with pytest.raises(ConnectionClosed) as closed:
        await link.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401


@pytest.mark.parametrize("named", ["", "abcdefghij", "aaaaaaaaaa " + NONCE, "x" * 5000])
async def test_an_id_of_no_token_is_refused_in_the_handshake(named: str, gateway: RunningApp) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await gateway.open_websocket("/ws/pico", {"Darvaz-Token": named}, "192.0.2.9")

    assert refused.value.response.status_code == 401


async def test_a_token_may_still_be_sent_after_its_id(gateway: RunningApp) -> None:
    issued = gateway.parts.access.tokens.issue("pico")
    link = await gateway.open_websocket("/ws/pico", {"Darvaz-Token": f"{issued.token_id} {NONCE}"}, "192.0.2.9")

    await link.send(json.dumps({"type": "auth", "token": issued.text}))
    await link.send('{"type":"connect","device":"sender"}')

    assert json.loads(await link.recv())["type"] == "connection_ack"
    assert (await gateway.get("/api/devices/sender")).json()["protection"] == "open"
    await link.close()
