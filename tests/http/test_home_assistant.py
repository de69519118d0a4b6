"""Boards in Home Assistant: its own client finds entities, follows states, commands the board, and shows pictures."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aioesphomeapi import (
    BinarySensorInfo,
    ButtonInfo,
    LogLevel,
    NumberInfo,
    SelectInfo,
    SensorInfo,
    SwitchInfo,
    TextSensorInfo,
)
from aioesphomeapi.client import APIClient
from aioesphomeapi.core import APIConnectionError, InvalidEncryptionKeyAPIError, RequiresEncryptionAPIError

from darvaz.gateway.esphome import pictures
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.camera import Camera, jpeg
from tests.support.home_assistant import Assistant, assistant_at, node_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMANDS: dict[str, Any] = {
    "beep": {},
    "reboot": {},
    "led": {"on": {"type": "boolean"}},
    "pan": {"angle": {"type": "integer", "min": 0, "max": 180, "unit": "°", "title": "زاویه"}},
    "mode": {"mode": {"type": "string", "choices": ["eco", "boost"]}},
    "say": {"text": {"type": "string"}, "times": {"type": "integer"}, "loud": {"type": "boolean"}},
}
TELEMETRY = {
    "temperature": {"unit": "°C", "device_class": "temperature", "title": "Air temperature"},
    "door": {"device_class": "door"},
    "mode": {},
}
KEY = base64.b64encode(bytes(range(32))).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    settings = {"home_assistant": True, "home_assistant_addresses": "127.0.0.1", "home_assistant_port": 0}
    async with RunningApp(command_deadline_s=1.0, **settings) as running:
        yield running


async def carry_out(board: Board, result: Any = None, error: str = "") -> dict[str, Any]:
    """Answers the next command, and returns it."""
    command = await board.receive("command")
    answer = {"status": "error", "message": error} if error else {"status": "ok", "result": result}
    await board.send("ack", id=command["id"], **answer)
    return {"name": command["name"], "args": command["args"]}


async def report(board: Board, **values: Any) -> None:
    """Sends values, and returns once the gateway has them."""
    await board.send("telemetry", values=values)
    await board.send("ping")
    await board.receive("pong")


async def test_commands_and_values_become_entities_of_the_right_kind(gateway: RunningApp) -> None:
    async with board_at(gateway, "kinds", commands=COMMANDS, telemetry=TELEMETRY) as board:
        await report(board, mode="eco", count=3)
        async with assistant_at(gateway, "kinds") as home:
            kinds = {name: type(entity) for name, entity in home.entities.items()}
            temperature, pan = home.entities["temperature"], home.entities["pan"]

    assert kinds["temperature"] is SensorInfo
    assert kinds["door"] is BinarySensorInfo
    assert kinds["count"] is SensorInfo
    assert (kinds["beep"], kinds["reboot"], kinds["led"]) == (ButtonInfo, ButtonInfo, SwitchInfo)
    assert (kinds["pan"], kinds["restart_reason"]) == (NumberInfo, TextSensorInfo)
    assert home.actions.keys() == {"say"}
    assert isinstance(temperature, SensorInfo)
    assert (temperature.name, temperature.unit_of_measurement) == ("Air temperature", "°C")
    assert isinstance(pan, NumberInfo)
    assert (pan.name, pan.min_value, pan.max_value, pan.step) == ("زاویه", 0, 180, 1)


async def test_a_choice_is_a_select(gateway: RunningApp) -> None:
    async with board_at(gateway, "chooser", commands=COMMANDS) as board, assistant_at(gateway, "chooser") as home:
        mode = home.entities["mode"]
        assert isinstance(mode, SelectInfo)
        home.client.select_command(mode.key, "boost")
        command = await carry_out(board)
        state = await home.state("mode", lambda state: not state.missing_state)

    assert (mode.options, command) == (["eco", "boost"], {"name": "mode", "args": {"mode": "boost"}})
    assert state.state == "boost"


async def test_states_are_unknown_until_the_board_tells_them(gateway: RunningApp) -> None:
    async with (
        board_at(gateway, "teller", commands=COMMANDS, telemetry=TELEMETRY) as board,
        assistant_at(gateway, "teller") as home,
    ):
        before = [(await home.state(name)).missing_state for name in ("temperature", "door", "led", "pan")]
        await board.send("telemetry", values={"temperature": 21.5, "door": True})
        temperature = await home.state("temperature", lambda state: not state.missing_state)
        opening = await home.state("door", lambda state: not state.missing_state)

    assert before == [True] * 4
    assert (temperature.state, opening.state) == (21.5, True)


async def test_a_switch_shows_what_the_board_confirmed(gateway: RunningApp) -> None:
    async with board_at(gateway, "lamp", commands=COMMANDS) as board, assistant_at(gateway, "lamp") as home:
        led = home.entities["led"].key
        home.client.switch_command(led, True)
        command = await carry_out(board)
        on = await home.state("led", lambda state: not state.missing_state)
        home.client.switch_command(led, False)
        await carry_out(board, error="the relay is stuck")
        again = await home.state("led")

    assert command == {"name": "led", "args": {"on": True}}
    assert (on.state, again.state) == (True, True)


async def test_numbers_come_as_the_command_wants_them(gateway: RunningApp) -> None:
    async with board_at(gateway, "servo", commands=COMMANDS) as board, assistant_at(gateway, "servo") as home:
        home.client.number_command(home.entities["pan"].key, 90.0)
        command = await carry_out(board)

    assert command == {"name": "pan", "args": {"angle": 90}}
    assert isinstance(command["args"]["angle"], int)


async def test_a_button_carries_out_a_command(gateway: RunningApp) -> None:
    async with board_at(gateway, "bell", commands=COMMANDS) as board, assistant_at(gateway, "bell") as home:
        home.client.button_command(home.entities["beep"].key)
        assert await carry_out(board) == {"name": "beep", "args": {}}


async def say(home: Assistant) -> Any:
    return await home.client.execute_service(
        home.actions["say"], {"text": "سلام", "times": 2, "loud": True}, return_response=True, timeout=5.0
    )


async def test_an_action_has_typed_arguments_and_an_answer(gateway: RunningApp) -> None:
    async with board_at(gateway, "speaker", commands=COMMANDS) as board, assistant_at(gateway, "speaker") as home:
        asking = asyncio.create_task(say(home))
        command = await carry_out(board, result={"said": 2})
        answer = await asking

    assert command == {"name": "say", "args": {"text": "سلام", "times": 2, "loud": True}}
    assert (answer.success, json.loads(answer.response_data)) == (True, {"said": 2})


async def test_an_action_that_fails_says_why(gateway: RunningApp) -> None:
    async with board_at(gateway, "hoarse", commands=COMMANDS) as board, assistant_at(gateway, "hoarse") as home:
        asking = asyncio.create_task(say(home))
        await carry_out(board, error="no voice today")
        answer = await asking

    assert (answer.success, answer.error_message) == (False, "no voice today")


async def test_clients_are_told_at_once_that_a_board_left(gateway: RunningApp) -> None:
    stopped = asyncio.Event()

    async def stop(is_expected: bool) -> None:
        stopped.set()

    async with board_at(gateway, "leaver", commands=COMMANDS) as board:
        async with assistant_at(gateway, "leaver", on_stop=stop):
            await board.link.close()
            async with asyncio.timeout(20):
                await stopped.wait()
            node = await node_of(gateway, "leaver")
            client = APIClient("127.0.0.1", node["port"], None)
            with pytest.raises(APIConnectionError):
                await client.connect()

    async with board_at(gateway, "leaver", commands=COMMANDS), assistant_at(gateway, "leaver") as home:
        assert "led" in home.entities


async def test_a_value_that_is_new_is_listed_at_the_next_connection(gateway: RunningApp) -> None:
    stopped = asyncio.Event()

    async def stop(is_expected: bool) -> None:
        stopped.set()

    async with board_at(gateway, "grower") as board:
        async with assistant_at(gateway, "grower", on_stop=stop):
            await board.send("telemetry", values={"moisture": 0.4})
            async with asyncio.timeout(20):
                await stopped.wait()
        async with assistant_at(gateway, "grower") as home:
            assert "moisture" in home.entities


async def test_a_value_that_changes_its_type_stays_the_entity_that_it_was(gateway: RunningApp) -> None:
    async with board_at(gateway, "fickle") as board:
        await report(board, level=1)
        async with assistant_at(gateway, "fickle") as home:
            await board.send("telemetry", values={"level": "full"})
            await home.state("level", lambda state: state.missing_state)
            await board.send("telemetry", values={"level": 2})
            assert (await home.state("level", lambda state: not state.missing_state)).state == 2


async def test_the_log_of_the_board_is_handed_on(gateway: RunningApp) -> None:
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    async with board_at(gateway, "writer") as board, assistant_at(gateway, "writer") as home:
        home.client.subscribe_logs(lambda line: lines.put_nowait(line.message), log_level=LogLevel.LOG_LEVEL_INFO)
        await home.client.device_info()
        await board.send("log", message="the pump runs", level="info")
        async with asyncio.timeout(20):
            assert await lines.get() == b"the pump runs"


async def test_a_picture_arrives_whole_at_the_start(gateway: RunningApp) -> None:
    big = jpeg(7, size_bytes=150_000)
    # Without one at the start, Home Assistant's camera would stay unavailable after its board returned.
    async with Camera(gateway, "yard", obeys=False) as camera, assistant_at(gateway, "yard") as home:
        await camera.commanded("snapshot")
        await camera.send(big)
        image = await home.state("camera")

    assert image.data == big


async def test_each_picture_can_be_asked_for_as_soon_as_the_one_before_is_there(gateway: RunningApp) -> None:
    async with Camera(gateway, "porch"), assistant_at(gateway, "porch") as home:
        pictures = []
        for _ in range(20):
            home.states.clear()
            home.client.request_single_image()
            pictures.append((await home.state("camera")).data)

    assert len(pictures) == 20


async def test_a_stream_is_asked_of_the_board_only_while_somebody_looks(
    gateway: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "STREAM_S", 0.5)
    async with Camera(gateway, "gate") as camera, assistant_at(gateway, "gate") as home:
        home.client.request_image_stream()
        await camera.wait_for_stream_that(lambda args: args["fps"] > 1)
        await home.state("camera")

        # ESPHome's clients ask again each few seconds while they show it.
        await camera.wait_for_stream_that(lambda args: args["fps"] < 1)


# Encryption


async def choose_key(gateway: RunningApp, device: str) -> None:
    async with assistant_at(gateway, device) as home:
        assert await home.client.noise_encryption_set_key(KEY.encode())
    node = await node_of(gateway, device)
    assert node["is_encrypted"]


async def test_a_key_that_home_assistant_chose_encrypts_from_then_on(gateway: RunningApp) -> None:
    async with board_at(gateway, "secret", commands=COMMANDS) as board:
        await choose_key(gateway, "secret")
        async with assistant_at(gateway, "secret", key=KEY) as home:
            home.client.switch_command(home.entities["led"].key, True)
            assert await carry_out(board) == {"name": "led", "args": {"on": True}}
            await home.state("led", lambda state: state.state)


async def test_a_client_without_the_key_learns_that_one_is_needed(gateway: RunningApp) -> None:
    async with board_at(gateway, "closed"):
        await choose_key(gateway, "closed")
        with pytest.raises(RequiresEncryptionAPIError):
            async with assistant_at(gateway, "closed"):
                pass


async def test_a_client_with_another_key_learns_that_it_is_wrong(gateway: RunningApp) -> None:
    async with board_at(gateway, "other-key"):
        await choose_key(gateway, "other-key")
        with pytest.raises(InvalidEncryptionKeyAPIError):
            async with assistant_at(gateway, "other-key", key=base64.b64encode(bytes(32)).decode()):
                pass


async def test_an_operator_can_remove_a_key_that_was_lost(gateway: RunningApp) -> None:
    async with board_at(gateway, "lost-key"):
        await choose_key(gateway, "lost-key")
        response = await gateway.ask("DELETE", "/api/devices/lost-key/home-assistant-key")
        async with assistant_at(gateway, "lost-key") as home:
            assert home.entities

    assert response.status_code == 204


async def test_names_and_keys_stay_over_a_restart_and_end_with_the_device(gateway: RunningApp) -> None:
    async with board_at(gateway, "durable"):
        await choose_key(gateway, "durable")
        async with assistant_at(gateway, "durable", key=KEY) as home:
            before = await home.client.device_info()

    await gateway.restart()
    async with board_at(gateway, "durable"), assistant_at(gateway, "durable", key=KEY) as home:
        after = await home.client.device_info()
    await gateway.ask("DELETE", "/api/devices/durable")
    async with board_at(gateway, "durable"), assistant_at(gateway, "durable") as home:
        other = await home.client.device_info()

    assert (before.name, before.mac_address) == (after.name, after.mac_address)
    assert other.mac_address != before.mac_address


async def test_the_first_group_of_a_board_is_its_suggested_area(gateway: RunningApp) -> None:
    async with board_at(gateway, "roomy", commands=COMMANDS):
        await gateway.ask("PATCH", "/api/devices/roomy", json={"groups": ["Greenhouse", "pumps"]})
        async with assistant_at(gateway, "roomy") as home:
            info = await home.client.device_info()

    assert info.suggested_area == "Greenhouse"


async def test_a_hidden_board_has_no_node(gateway: RunningApp) -> None:
    async with board_at(gateway, "private"):
        before = await node_of(gateway, "private")
        await gateway.ask("PATCH", "/api/devices/private", json={"hidden_from": ["home_assistant"]})
        async with asyncio.timeout(10):
            while "private" in (await gateway.get("/api/home-assistant")).text:  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.01)
        await gateway.ask("PATCH", "/api/devices/private", json={"hidden_from": []})
        after = await node_of(gateway, "private")

    assert before["name"] == after["name"]
