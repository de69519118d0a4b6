"""Devices at an external address: in a network namespace, so that they are not localhost in any way."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from darvaz.gateway.refusals import ROWS_PER_NETWORK_MAX
from tests.support import guide, journalled
from tests.support.gateway import GatewayProcess
from tests.support.netns import Outside, outside

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns")]

_DEADLINE_S = 10.0
_CONNECT = {"type": "connect", "device": "far-away", "version": "1.0.0"}
_ALL_ADDRESSES = ("--host", "0.0.0.0")
# A WebSocket ping without a payload, with a mask of zeros.
_PING = b"\x89\x80\x00\x00\x00\x00"
_SHORT_AUTH = {"DARVAZ_AUTH_DEADLINE_S": "0.5"}


@pytest.fixture(scope="module")
def external() -> Iterator[Outside]:
    with outside() as made:
        yield made


def fetch_tokens(external: Outside, gateway: GatewayProcess) -> tuple[int, dict[str, Any]]:
    """Requests tokens over HTTP from the external address."""
    connection = http.client.HTTPConnection(external.inside, gateway.port, timeout=_DEADLINE_S)
    connection.sock = external.dial(gateway.port)
    connection.sock.settimeout(_DEADLINE_S)
    try:
        connection.request("GET", "/public/tokens")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def device_at(external: Outside, gateway: GatewayProcess, token: str | None = None, kind: str = "pico") -> connect:
    """Connects a device from the external address, with the guide's header or without a token."""
    return connect(
        f"ws://{external.inside}:{gateway.port}/ws/{kind}",
        sock=external.dial(gateway.port),
        additional_headers={"Authorization": f"Bearer {token}"} if token else None,
        proxy=None,
        close_timeout=1,
    )


async def receive(device: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(_DEADLINE_S):
        return dict(json.loads(await device.recv()))


async def ask(device: ClientConnection, message: dict[str, Any]) -> dict[str, Any]:
    await device.send(json.dumps(message))
    return await receive(device)


async def close_code(device: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosedError) as caught:
        await receive(device)
    return caught.value.rcvd.code if caught.value.rcvd else None


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
async def test_device_with_a_token_from_the_enrolment_window_is_admitted(external: Outside, kind: str) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        status, tokens = fetch_tokens(external, gateway)

        async with device_at(external, gateway, tokens[f"{kind}_tokens"][0], kind) as device:
            welcome = await ask(device, _CONNECT)
            answer = await ask(device, {"type": "ping"})

    assert status == 200
    assert welcome["type"] == "connection_ack"
    assert answer["type"] == "pong"


@pytest.mark.parametrize("token", ["dvz_0000000000_wrong", "nonsense"])
async def test_device_with_a_wrong_token_is_refused_in_the_handshake(external: Outside, token: str) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            await device_at(external, gateway, token)

    assert refused.value.response.status_code == 401


async def test_device_that_sends_no_token_is_closed(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES, env=_SHORT_AUTH) as gateway:
        async with device_at(external, gateway) as device:
            error = await receive(device)
            code = await close_code(device)

    assert (error["type"], error["code"]) == ("error", "not_authorised")
    assert code == 4401


@pytest.mark.parametrize("junk", ["not json", '{"type": "connect", "device": "x"}', '{"type": "auth"}', "[]"])
async def test_device_that_sends_something_else_than_a_token_is_closed(external: Outside, junk: str) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        async with device_at(external, gateway) as device:
            await device.send(junk)
            error = await receive(device)
            code = await close_code(device)

    assert error["type"] == "error"
    assert code == 4401


async def test_device_that_floods_pings_before_its_token_is_closed_and_others_are_served(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        async with device_at(external, gateway) as device:
            device.transport.write(_PING * 500_000)
            health = await asyncio.to_thread(gateway.get, "/health")
            error = await receive(device)
            code = await close_code(device)

    assert health.status_code == 200
    assert (error["code"], code) == ("not_authorised", 4401)


async def test_device_with_a_good_token_in_its_first_message_is_admitted(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        token = fetch_tokens(external, gateway)[1]["pico_tokens"][0]

        async with device_at(external, gateway) as device:
            await device.send(json.dumps({"type": "auth", "token": token}))
            welcome = await ask(device, _CONNECT)

    assert welcome["type"] == "connection_ack"


async def test_device_with_a_wrong_token_in_its_first_message_is_closed(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        async with device_at(external, gateway) as device:
            error = await ask(device, {"type": "auth", "token": "dvz_0000000000_wrong"})
            code = await close_code(device)

    assert error["type"] == "error"
    assert code == 4401


def test_complete_python_client_of_the_guide_runs_from_an_external_address(external: Outside, tmp_path: Path) -> None:
    with GatewayProcess(*_ALL_ADDRESSES, env={"DARVAZ_HEARTBEAT_S": "0.5"}) as gateway:
        text = guide.client("complete", f"{external.inside}:{gateway.port}")
        with guide.run_python(text, tmp_path, external.prefix) as client:
            client.wait_for("'type': 'connection_ack', 'status': 'success'")
            (pong, *_) = journalled.wait_for_line(gateway.data, type="pong", direction="<")

            assert client.is_running

    assert (pong.device, pong.kind, pong.address) == ("pico_external", "pico", external.address)


def test_javascript_client_of_the_guide_runs_from_an_external_address(external: Outside, tmp_path: Path) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        token = fetch_tokens(external, gateway)[1]["pico_tokens"][0]
        text = guide.client("javascript", f"{external.inside}:{gateway.port}", token) + guide.OBSERVER
        with guide.run_node(text, tmp_path, external.prefix) as client:
            client.wait_for('"connection_ack"')


def test_no_tokens_are_given_if_the_policy_is_never(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES, env={"DARVAZ_PUBLIC_TOKENS": "never"}) as gateway:
        status, answer = fetch_tokens(external, gateway)

    assert status == 403
    assert "dvz_" not in json.dumps(answer)


def test_doctor_says_how_to_open_a_closed_enrolment_window(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES, env={"DARVAZ_PUBLIC_TOKENS": "never"}) as gateway:
        url = f"http://{external.inside}:{gateway.port}"
        command = [*external.prefix, sys.executable, "-m", "darvaz", "doctor", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "darvaz enrol" in done.stdout
    assert "Something is wrong: token." in done.stdout


async def test_links_without_a_good_token_write_one_entry_each_up_to_the_limit(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        for _ in range(ROWS_PER_NETWORK_MAX):
            async with device_at(external, gateway):
                pass
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                await device_at(external, gateway, "dvz_0000000000_wrong")
        gateway.stop()
        payloads = [line.payload for line in journalled.lines(gateway.data) if line.address == external.address]

    assert payloads == ["closed 1000 before a token"] * ROWS_PER_NETWORK_MAX + ["3 more from here within 60 s"]


async def test_everything_is_journalled_with_the_external_address(external: Outside) -> None:
    with GatewayProcess(*_ALL_ADDRESSES) as gateway:
        token = fetch_tokens(external, gateway)[1]["pico_tokens"][0]
        async with device_at(external, gateway, token) as device:
            await ask(device, _CONNECT)
        with pytest.raises(InvalidStatus):
            await device_at(external, gateway, "dvz_0000000000_wrong")
        gateway.stop()
        lines = journalled.lines(gateway.data)

    of_device = [line for line in lines if line.device == "far-away"]
    assert {line.address for line in of_device} == {external.address}
    assert {line.kind for line in of_device} == {"pico"}
    assert {("<", "connect"), (">", "connection_ack")} <= {(line.direction, line.type) for line in of_device}
    assert any(line.direction == "=" and line.address == external.address and "401" in str(line) for line in lines)
    assert token not in str(lines)
