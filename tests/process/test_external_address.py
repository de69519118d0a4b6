"""Devices at an external address: in a network namespace, so that nothing about them is localhost."""

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

from tests.support import guide, journalled
from tests.support.gateway import GatewayProcess
from tests.support.netns import Outside, outside

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns")]

_DEADLINE_S = 10.0
_CONNECT = {"type": "connect", "device": "far-away", "version": "1.0.0"}
_EVERYWHERE = ("--host", "0.0.0.0")
_SHORT_AUTH = {"DARVAZ_AUTH_DEADLINE_S": "0.5"}


@pytest.fixture(scope="module")
def there() -> Iterator[Outside]:
    with outside() as made:
        yield made


def fetch_tokens(there: Outside, gateway: GatewayProcess) -> tuple[int, dict[str, Any]]:
    """Asks for tokens over the wire, from the external address."""
    connection = http.client.HTTPConnection(there.inside, gateway.port, timeout=_DEADLINE_S)
    connection.sock = there.dial(gateway.port)
    connection.sock.settimeout(_DEADLINE_S)
    try:
        connection.request("GET", "/public/tokens")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def device_at(there: Outside, gateway: GatewayProcess, token: str | None = None, kind: str = "pico") -> connect:
    """Connects a device from the external address, with the guide's header or without any."""
    return connect(
        f"ws://{there.inside}:{gateway.port}/ws/{kind}",
        sock=there.dial(gateway.port),
        additional_headers={"Authorization": f"Bearer {token}"} if token else None,
        proxy=None,
        close_timeout=1,
    )


async def hear(device: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(_DEADLINE_S):
        return dict(json.loads(await device.recv()))


async def ask(device: ClientConnection, message: dict[str, Any]) -> dict[str, Any]:
    await device.send(json.dumps(message))
    return await hear(device)


async def close_code(device: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosedError) as caught:
        await hear(device)
    return caught.value.rcvd.code if caught.value.rcvd else None


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
async def test_device_with_a_token_from_the_enrolment_window_is_let_in(there: Outside, kind: str) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        status, tokens = fetch_tokens(there, gateway)

        async with device_at(there, gateway, tokens[f"{kind}_tokens"][0], kind) as device:
            welcome = await ask(device, _CONNECT)
            answer = await ask(device, {"type": "ping"})

    assert status == 200
    assert welcome["type"] == "connection_ack"
    assert answer["type"] == "pong"


@pytest.mark.parametrize("token", ["dvz_0000000000_wrong", "nonsense"])
async def test_device_with_a_wrong_token_is_refused_in_the_handshake(there: Outside, token: str) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            await device_at(there, gateway, token)

    assert refused.value.response.status_code == 401


async def test_device_without_a_token_that_stays_silent_is_closed(there: Outside) -> None:
    with GatewayProcess(*_EVERYWHERE, env=_SHORT_AUTH) as gateway:
        async with device_at(there, gateway) as device:
            said = await hear(device)
            code = await close_code(device)

    assert (said["type"], said["code"]) == ("error", "not_authorised")
    assert code == 4401


@pytest.mark.parametrize("junk", ["not json", '{"type": "connect", "device": "x"}', '{"type": "auth"}', "[]"])
async def test_device_without_a_token_that_says_something_else_is_closed(there: Outside, junk: str) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        async with device_at(there, gateway) as device:
            await device.send(junk)
            said = await hear(device)
            code = await close_code(device)

    assert said["type"] == "error"
    assert code == 4401


async def test_device_with_a_good_token_in_its_first_message_is_let_in(there: Outside) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        token = fetch_tokens(there, gateway)[1]["pico_tokens"][0]

        async with device_at(there, gateway) as device:
            await device.send(json.dumps({"type": "auth", "token": token}))
            welcome = await ask(device, _CONNECT)

    assert welcome["type"] == "connection_ack"


async def test_device_with_a_wrong_token_in_its_first_message_is_closed(there: Outside) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        async with device_at(there, gateway) as device:
            said = await ask(device, {"type": "auth", "token": "dvz_0000000000_wrong"})
            code = await close_code(device)

    assert said["type"] == "error"
    assert code == 4401


def test_complete_python_client_of_the_guide_runs_from_an_external_address(there: Outside, tmp_path: Path) -> None:
    with GatewayProcess(*_EVERYWHERE, env={"DARVAZ_HEARTBEAT_S": "0.5"}) as gateway:
        text = guide.client("complete", f"{there.inside}:{gateway.port}")
        with guide.run_python(text, tmp_path, there.prefix) as client:
            client.wait_for("'type': 'connection_ack', 'status': 'success'")
            (pong, *_) = journalled.wait_for_line(gateway.data, type="pong", direction="<")

            assert client.is_running

    assert (pong.device, pong.kind, pong.address) == ("pico_external", "pico", there.address)


def test_javascript_client_of_the_guide_runs_from_an_external_address(there: Outside, tmp_path: Path) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        token = fetch_tokens(there, gateway)[1]["pico_tokens"][0]
        text = guide.client("javascript", f"{there.inside}:{gateway.port}", token) + guide.OBSERVER
        with guide.run_node(text, tmp_path, there.prefix) as client:
            client.wait_for('"connection_ack"')


def test_tokens_are_refused_where_the_policy_is_never(there: Outside) -> None:
    with GatewayProcess(*_EVERYWHERE, env={"DARVAZ_PUBLIC_TOKENS": "never"}) as gateway:
        status, answer = fetch_tokens(there, gateway)

    assert status == 403
    assert "dvz_" not in json.dumps(answer)


def test_doctor_outside_a_closed_window_says_how_to_open_it(there: Outside) -> None:
    with GatewayProcess(*_EVERYWHERE, env={"DARVAZ_PUBLIC_TOKENS": "never"}) as gateway:
        url = f"http://{there.inside}:{gateway.port}"
        command = [*there.prefix, sys.executable, "-m", "darvaz", "doctor", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "darvaz enrol" in done.stdout
    assert "Something is wrong: token." in done.stdout


async def test_everything_is_journalled_with_the_external_address(there: Outside) -> None:
    with GatewayProcess(*_EVERYWHERE) as gateway:
        token = fetch_tokens(there, gateway)[1]["pico_tokens"][0]
        async with device_at(there, gateway, token) as device:
            await ask(device, _CONNECT)
        with pytest.raises(InvalidStatus):
            await device_at(there, gateway, "dvz_0000000000_wrong")
        gateway.stop()
        lines = journalled.lines(gateway.data)

    of_device = [line for line in lines if line.device == "far-away"]
    assert {line.address for line in of_device} == {there.address}
    assert {line.kind for line in of_device} == {"pico"}
    assert {("<", "connect"), (">", "connection_ack")} <= {(line.direction, line.type) for line in of_device}
    assert any(line.direction == "=" and line.address == there.address and "401" in str(line) for line in lines)
    assert token not in str(lines)
