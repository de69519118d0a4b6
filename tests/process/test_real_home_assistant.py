"""Home Assistant itself discovers boards, adds them with one click, uses them, and sees them leave and return."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from darvaz.gateway.devices.names import latin_id
from tests.support.board import Board, board_at
from tests.support.camera import Camera, jpeg
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.netns import outside
from tests.support.real_home_assistant import HomeAssistant, home_assistant_in, python_of_home_assistant
from tests.support.updates import deploy, make_board, program, until, until_online, upload

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.timeout(400),
    # One Home Assistant for all: each process would start its own.
    pytest.mark.xdist_group("home-assistant"),
]

COMMANDS: dict[str, Any] = {
    "led": {"on": {"type": "boolean"}},
    "pan": {"angle": {"type": "number", "min": 0, "max": 180}},
    "mode": {"mode": {"type": "string", "choices": ["eco", "boost"]}},
    "beep": {},
    "say": {"text": {"type": "string"}, "times": {"type": "integer"}},
}
TELEMETRY = {"temperature": {"unit": "°C", "device_class": "temperature"}}

MQTT_COMMANDS: dict[str, Any] = COMMANDS | {
    "fast": {"on": {"type": "boolean", "choices": [True, False]}},
    "show": {"text": {"type": "string"}},
}
MQTT_TELEMETRY = TELEMETRY | {
    "pressure": {"unit": "furlong", "device_class": "pressure"},
    "motion": {"device_class": "motion"},
    "mode_now": {},
}


class Home(NamedTuple):
    """A gateway and a broker, and Home Assistant on another machine of their network."""

    gateway: GatewayProcess
    assistant: HomeAssistant


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    python_of_home_assistant()
    folder: Path = tmp_path_factory.mktemp("home-assistant")
    with outside() as network, Mosquitto(folder, address=network.inside) as broker:
        options = ("--home-assistant", "true", "--home-assistant-addresses", network.inside, "--mqtt-url", broker.url)
        with GatewayProcess(*options, "--home-assistant-port", "0") as gateway:
            async with home_assistant_in(network, folder) as assistant:
                await assistant.add_mqtt(broker.address, broker.port)
                yield Home(gateway, assistant)


_numbers = itertools.count(1)


def fresh(name: str) -> str:
    """Returns a name that no board had yet: a board that was added once has no card any more."""
    return f"{name}{next(_numbers)}"


async def carry_out(board: Board, result: Any = None) -> dict[str, Any]:
    """Answers the next command, and returns its arguments."""
    command = await board.receive("command")
    await board.send("ack", id=command["id"], status="ok", result=result)
    return dict(command["args"])


async def node_of(home: Home, device: str) -> dict[str, Any]:
    """Returns what the gateway says of a node."""
    nodes = (await asyncio.to_thread(home.gateway.get, "/api/home-assistant")).json()["nodes"]
    return next(dict(node) for node in nodes if node["device"] == device)


async def add(home: Home, name: str) -> dict[str, Any]:
    """Adds a board with one click, and waits for Home Assistant to return with the key that it chose."""
    added = await home.assistant.add(await home.assistant.discovered(name))
    async with asyncio.timeout(60):
        while True:
            node = await node_of(home, name)
            if node["is_encrypted"] and node["clients"]:
                return added
            await asyncio.sleep(0.1)


async def test_a_board_is_added_with_one_click_and_used(home: Home) -> None:
    name = fresh("greenhouse")
    async with board_at(home.gateway.ws_url, name, commands=COMMANDS, telemetry=TELEMETRY) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        added = await add(home, name)
        temperature = await home.assistant.state(f"sensor.{name}_temperature")

        turning = asyncio.create_task(home.assistant.act("switch", "turn_on", entity_id=f"switch.{name}_led"))
        switched = await carry_out(board)
        await turning
        await home.assistant.state(f"switch.{name}_led", lambda state: state == "on")

        saying = asyncio.create_task(
            home.assistant.act("esphome", f"darvaz_{name}_say", has_answer=True, text="سلام", times=2)
        )
        spoken = await carry_out(board, {"seconds": 1.5})
        answer = await saying

    assert added["type"] == "create_entry"
    assert (temperature["state"], temperature["attributes"]["unit_of_measurement"]) == ("21.5", "°C")
    assert (switched, spoken) == ({"on": True}, {"text": "سلام", "times": 2})
    assert answer["service_response"] == {"seconds": 1.5}
    assert (await node_of(home, name))["is_encrypted"]


async def test_every_kind_of_entity_is_there(home: Home) -> None:
    name = fresh("kinds")
    async with board_at(home.gateway.ws_url, name, commands=COMMANDS, telemetry=TELEMETRY):
        await add(home, name)
        for entity in (f"number.{name}_pan", f"select.{name}_mode", f"button.{name}_beep", f"sensor.{name}_uptime"):
            await home.assistant.state(entity)


async def test_a_board_that_leaves_is_unavailable_until_it_returns(home: Home) -> None:
    name = fresh("leaver")
    entity = f"switch.{name}_led"
    async with board_at(home.gateway.ws_url, name, commands=COMMANDS):
        await add(home, name)
        await home.assistant.state(entity)
    await home.assistant.state(entity, lambda state: state == "unavailable")
    async with board_at(home.gateway.ws_url, name, commands=COMMANDS):
        await home.assistant.state(entity)


async def test_a_camera_shows_its_picture_and_is_available_again_once_it_returned(home: Home) -> None:
    name = fresh("yard")
    async with Camera(home.gateway.ws_url, name, size_bytes=100_000):
        await add(home, name)
        picture = await home.assistant.picture(f"camera.{name}_camera")
    await home.assistant.state(f"camera.{name}_camera", lambda state: state == "unavailable")
    async with Camera(home.gateway.ws_url, name, size_bytes=100_000):
        await home.assistant.state(f"camera.{name}_camera")

    assert picture.startswith(b"\xff\xd8")
    assert picture.endswith(b"\xff\xd9")


async def test_boards_return_after_the_gateway_restarted(home: Home) -> None:
    name = fresh("stayer")
    entity = f"switch.{name}_led"
    async with board_at(home.gateway.ws_url, name, commands=COMMANDS):
        await add(home, name)
        await home.assistant.state(entity)
    await asyncio.to_thread(restart, home.gateway)
    await home.assistant.state(entity, lambda state: state == "unavailable")
    async with board_at(home.gateway.ws_url, name, commands=COMMANDS):
        await home.assistant.state(entity)


def restart(gateway: GatewayProcess) -> None:
    """Stops a gateway, and starts it on the same data folder and port."""
    gateway.stop()
    gateway.start()


async def test_a_newer_release_of_a_board_is_installed_with_one_click(home: Home, tmp_path: Path) -> None:
    name = fresh("updated")
    board = await asyncio.to_thread(make_board, tmp_path, home.gateway, name)
    async with board:
        await until_online(home.gateway, name)
        first = await asyncio.to_thread(upload, home.gateway, {"main.py": program(1)}, name)
        await until(home.gateway, await asyncio.to_thread(deploy, home.gateway, first, name), is_good)
        await add(home, name)
        before = await home.assistant.state(f"update.{name}_program", lambda state: state == "off")
        second = await asyncio.to_thread(upload, home.gateway, {"main.py": program(2)}, name)
        offered = await home.assistant.state(f"update.{name}_program", lambda state: state == "on")
        await home.assistant.act("update", "install", entity_id=f"update.{name}_program")
        after = await home.assistant.state(f"update.{name}_program", lambda state: state == "off")
        # The entity of the broker is of the same board.
        third = await asyncio.to_thread(upload, home.gateway, {"main.py": program(3)}, name)
        await home.assistant.state(f"update.darvaz_{name}_program", lambda state: state == "on")
        await home.assistant.act("update", "install", entity_id=f"update.darvaz_{name}_program")
        last = await home.assistant.state(f"update.darvaz_{name}_program", lambda state: state == "off")
        answer = await asyncio.to_thread(home.gateway.post, f"/api/devices/{name}/commands/release")

    assert before["attributes"]["installed_version"] == str(first)
    assert (offered["attributes"]["latest_version"], offered["attributes"]["title"]) == (str(second), name)
    assert after["attributes"]["installed_version"] == str(second)
    assert (last["attributes"]["installed_version"], last["attributes"]["title"]) == (str(third), name)
    assert answer.json()["result"] == 3


def is_good(rollout: dict[str, Any]) -> bool:
    return bool(rollout["counts"].get("good") == 1)


# By the broker


async def test_a_board_appears_by_itself_and_is_used(home: Home) -> None:
    act, state = home.assistant.act, home.assistant.state
    async with board_at(home.gateway.ws_url, "Barn", commands=MQTT_COMMANDS, telemetry=MQTT_TELEMETRY) as board:
        values = {"temperature": 21.5, "pressure": 3, "motion": True, "mode_now": "eco"}
        await board.send("telemetry", values=values)
        prefix = f"darvaz_{latin_id('Barn')}_".replace("-", "_")
        entities = ["sensor.temperature", "sensor.pressure", "binary_sensor.motion", "sensor.mode_now"]
        shown = [(await state(entity.replace(".", f".{prefix}"), is_known))["state"] for entity in entities]
        before = (await state(f"switch.{prefix}led"))["state"]

        sent = []
        for domain, action, name, data in (
            ("switch", "turn_on", "led", {}),
            ("number", "set_value", "pan", {"value": 90}),
            ("select", "select_option", "mode", {"option": "boost"}),
            ("select", "select_option", "fast", {"option": "yes"}),
            ("button", "press", "beep", {}),
            ("text", "set_value", "show", {"value": "سلام"}),
        ):
            acting = asyncio.create_task(act(domain, action, entity_id=f"{domain}.{prefix}{name}", **data))
            sent.append(await carry_out(board))
            await acting
        await state(f"switch.{prefix}led", lambda found: found == "on")
        await state(f"number.{prefix}pan", lambda found: float(found) == 90)
        await state(f"select.{prefix}mode", lambda found: found == "boost")
        await state(f"select.{prefix}fast", lambda found: found == "yes")
    await state(f"switch.{prefix}led", lambda found: found == "unavailable")

    assert shown == ["21.5", "3", "on", "eco"]
    assert before == "unknown"
    assert sent == [{"on": True}, {"angle": 90}, {"mode": "boost"}, {"on": True}, {}, {"text": "سلام"}]


async def test_a_camera_shows_its_last_picture_of_the_broker(home: Home) -> None:
    async with board_at(home.gateway.ws_url, "yard", kind="esp32cam") as board:
        await board.link.send(jpeg(size_bytes=100_000))
        await home.assistant.state("camera.darvaz_yard_camera")
        picture = await home.assistant.picture("camera.darvaz_yard_camera")

    assert picture.startswith(b"\xff\xd8")
    assert len(picture) == 100_000


def is_known(state: str) -> bool:
    return state not in ("unknown", "unavailable")
