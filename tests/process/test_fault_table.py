"""Bad input over real sockets: each case and its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.support.gateway import GatewayProcess

# This header makes a local client external: the localhost rule must not apply to it.
EXTERNAL = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env={"DARVAZ_LINKS_PER_ADDRESS_MAX": "20"}) as running:
        yield running


@pytest.fixture(scope="module")
def short_deadline() -> Iterator[GatewayProcess]:
    """A gateway that waits half a second for a token."""
    with GatewayProcess(env={"DARVAZ_AUTH_DEADLINE_S": "0.5"}) as running:
        yield running


async def introduce(board: ClientConnection, device: str) -> dict[str, Any]:
    await board.send(json.dumps({"type": "connect", "device": device}))
    return await receive(board)


async def receive(board: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        answer: dict[str, Any] = json.loads(await board.recv())
        return answer


async def close_code(board: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await board.recv()
    return board.close_code


async def refusal(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, additional_headers=headers):
            pass
    return refused.value.response.status_code, bytes(refused.value.response.body or b"")


async def test_wrong_tokens_are_refused_in_the_handshake_with_the_same_text() -> None:
    with GatewayProcess() as gateway:
        other_kind = gateway.token("esp32cam")
        good = gateway.token("pico")
        wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
        headers = [f"Bearer {wrong}", f"Bearer {other_kind}", "Bearer x", f"Bearer  {wrong} x", ""]

        answers = [
            await refusal(f"{gateway.ws_url}/ws/pico", {**EXTERNAL, "Authorization": value}) for value in headers
        ]

        assert {status for status, _ in answers} == {401}
        assert len({body for _, body in answers}) == 1
        assert good not in gateway.log_text()


async def test_a_token_in_the_query_string_is_refused(gateway: GatewayProcess) -> None:
    token = gateway.token()

    status, _ = await refusal(f"{gateway.ws_url}/ws/pico?token={token}", EXTERNAL)

    assert status in (400, 401, 403)


async def test_after_ten_failures_an_address_is_let_in_by_a_valid_token_only() -> None:
    with GatewayProcess() as gateway:
        good = gateway.token()
        statuses = [
            (await refusal(f"{gateway.ws_url}/ws/pico", {"Authorization": "Bearer dvz_wrong"}))[0] for _ in range(12)
        ]
        async with connect(
            f"{gateway.ws_url}/ws/pico", additional_headers={"Authorization": f"Bearer {good}"}
        ) as board:
            welcome = await introduce(board, "valid")

    assert statuses == [401] * 11 + [429]
    assert welcome["type"] == "connection_ack"


async def test_a_device_that_sends_no_token_is_closed_with_4401(short_deadline: GatewayProcess) -> None:
    async with connect(f"{short_deadline.ws_url}/ws/pico", additional_headers=EXTERNAL) as board:
        assert (await receive(board))["code"] == "not_authorised"
        assert await close_code(board) == 4401


async def test_a_device_that_sends_junk_instead_of_a_token_is_closed_with_4401(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico", additional_headers=EXTERNAL) as board:
        await board.send("hello")
        assert (await receive(board))["code"] == "not_authorised"
        assert await close_code(board) == 4401


async def test_a_valid_auth_as_the_first_message_is_admitted(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico", additional_headers=EXTERNAL) as board:
        await board.send(json.dumps({"type": "auth", "token": gateway.token()}))
        assert (await introduce(board, "first-message"))["type"] == "connection_ack"


async def test_loopback_is_not_localhost_behind_a_proxy(short_deadline: GatewayProcess) -> None:
    headers = {"X-Real-IP": "203.0.113.9"}

    async with connect(f"{short_deadline.ws_url}/ws/pico", additional_headers=headers) as board:
        assert await close_code(board) == 4401


async def test_a_foreign_origin_is_refused(gateway: GatewayProcess) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{gateway.ws_url}/ws/pico", origin=Origin("http://evil.example")):
            pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nonsense", "not_json"),
        ("[1]", "not_json"),
        ("7", "not_json"),
        ('{"type":"ping","a":' + "[" * 5000 + "]" * 5000 + "}", "not_json"),
        ('{"type":"ping","type":"log","message":"x"}', "invalid"),
        ('{"type":"ping","time":1e999}', "invalid"),
        # The value is left out, and named; the rest is kept.
        ('{"type":"ping","time":NaN}', "invalid"),
        ('{"type":"log","message":"\\udc00"}', "not_json"),
        ('{"type":"teleport"}', "unknown_type"),
        ('{"type":"log","message":[]}', "invalid"),
        ('{"type":"log"}', "invalid"),
        ('{"type":"command","id":1,"name":"pan","args":{}}', "wrong_sender"),
        ('{"type":"log","message":"' + "x" * 13_000 + '"}', "invalid"),
    ],
)
async def test_a_faulty_message_gets_an_error_and_the_link_stays_open(
    gateway: GatewayProcess, text: str, code: str
) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await introduce(board, "faulty")

        await board.send(text)

        answer = await receive(board)
        assert (answer["type"], answer["code"]) == ("error", code)
        await board.send('{"type":"ping"}')
        assert (await receive(board))["type"] == "pong"


async def test_too_many_faults_in_a_row_are_closed_with_1008(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await introduce(board, "faulty")
        for _ in range(10):
            await board.send("nonsense")

        assert await close_code(board) == 1008


async def test_a_text_over_the_limit_is_closed_with_1009(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await introduce(board, "large")
        await board.send("x" * 16_385)

        assert await close_code(board) == 1009


async def test_a_frame_over_the_limit_is_closed_with_1009(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/esp32cam") as board:
        await introduce(board, "large-cam")
        await board.send(b"\xff\xd8" + bytes(600_000) + b"\xff\xd9")

        assert await close_code(board) == 1009


async def test_binary_data_other_than_a_jpeg_of_a_camera_gets_an_error(
    gateway: GatewayProcess,
) -> None:
    for path, data in (("esp32cam", b"GIF89a"), ("pico", b"\xff\xd8\xff\xd9")):
        async with connect(f"{gateway.ws_url}/ws/{path}") as board:
            await introduce(board, f"binary-{path}")
            await board.send(data)
            assert (await receive(board))["code"] == "not_a_frame"


async def test_a_link_above_the_limit_of_an_address_is_refused_and_the_others_stay_open(
    gateway: GatewayProcess,
) -> None:
    boards = [await connect(f"{gateway.ws_url}/ws/pico") for _ in range(20)]

    status, _ = await refusal(f"{gateway.ws_url}/ws/pico", {})
    first = await introduce(boards[0], "still-here")

    assert (status, first["type"]) == (429, "connection_ack")
    for board in boards:
        await board.close()


async def test_a_device_that_connects_a_thousand_times_leaves_no_links(gateway: GatewayProcess) -> None:
    for _ in range(1000):
        async with connect(f"{gateway.ws_url}/ws/pico", compression=None):
            pass

    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        assert (await introduce(board, "after"))["type"] == "connection_ack"


async def test_a_flood_is_closed_with_1008_and_other_devices_are_not_affected() -> None:
    with GatewayProcess(env={"DARVAZ_MESSAGES_PER_S_MAX": "50"}) as gateway:
        async with connect(f"{gateway.ws_url}/ws/pico") as flooder, connect(f"{gateway.ws_url}/ws/pico") as other:
            await introduce(flooder, "flooder")
            await introduce(other, "other")
            for _ in range(300):
                await flooder.send('{"type":"pong"}')

            assert await close_code(flooder) == 1008
            await other.send('{"type":"ping"}')
            assert (await receive(other))["type"] == "pong"


async def test_a_newer_link_of_a_device_replaces_the_older(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as older:
        await introduce(older, "twice")
        async with connect(f"{gateway.ws_url}/ws/pico") as newer:
            await introduce(newer, "twice")

            assert await close_code(older) == 4409
            await newer.send('{"type":"ping"}')
            assert (await receive(newer))["type"] == "pong"


async def test_a_token_of_one_device_is_refused_for_another() -> None:
    with GatewayProcess() as gateway:
        headers = {"Authorization": f"Bearer {gateway.token()}"}
        async with connect(f"{gateway.ws_url}/ws/pico", additional_headers=headers) as first:
            await introduce(first, "first")
        async with connect(f"{gateway.ws_url}/ws/pico", additional_headers=headers) as second:
            await second.send('{"type":"connect","device":"second"}')

            assert await close_code(second) == 4403


async def test_a_long_device_name_of_another_kind_is_refused_with_4403_in_any_script(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as pico:
        await introduce(pico, "گ" * 64)
    async with connect(f"{gateway.ws_url}/ws/esp32cam") as camera:
        await camera.send(json.dumps({"type": "connect", "device": "گ" * 64}))

        assert await close_code(camera) == 4403


async def test_a_hundred_boards_get_1012_at_a_restart_and_the_gateway_ends_with_status_0() -> None:
    with GatewayProcess(env={"DARVAZ_LINKS_PER_ADDRESS_MAX": "200"}) as gateway:
        boards = [await connect(f"{gateway.ws_url}/ws/pico", compression=None) for _ in range(100)]
        for number, board in enumerate(boards):
            await introduce(board, f"board-{number}")

        stopping = asyncio.create_task(asyncio.to_thread(gateway.stop))
        codes = await asyncio.gather(*(close_code(board) for board in boards))

        assert set(codes) == {1012}
        assert await stopping == 0


async def test_a_silent_board_is_pinged_and_then_closed_with_4408() -> None:
    with GatewayProcess(env={"DARVAZ_HEARTBEAT_S": "0.3", "DARVAZ_IDLE_TIMEOUT_S": "1"}) as gateway:
        async with connect(f"{gateway.ws_url}/ws/pico") as board:
            await introduce(board, "silent")

            assert (await receive(board))["type"] == "ping"
            assert await close_code(board) == 4408
