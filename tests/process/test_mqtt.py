"""Boards at a real MQTT broker: what it knows of them, commands that come back, and pictures."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from darvaz.gateway.devices.names import latin_id
from darvaz.gateway.mqtt import bridge, updates
from tests.contract.test_docs import OF_A_BROKER
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.camera import jpeg
from tests.support.mosquitto import Mosquitto, Watcher, settled, watch
from tests.support.updates import receive_release

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMANDS: dict[str, Any] = {
    "beep": {},
    "led": {"on": {"type": "boolean"}},
    "pan": {"angle": {"type": "integer", "min": 0, "max": 180, "unit": "°"}},
    "mode": {"mode": {"type": "string", "choices": ["eco", "boost"]}},
    "say": {"text": {"type": "string"}, "times": {"type": "integer"}},
}
TELEMETRY = {
    "temperature": {"unit": "°C", "device_class": "temperature", "title": "Air temperature"},
    "pressure": {"unit": "furlong", "device_class": "pressure"},
    "motion": {"device_class": "motion"},
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(broker: Mosquitto) -> AsyncIterator[RunningApp]:
    async with RunningApp(command_deadline_s=1.0, mqtt_url=broker.url) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def watcher(broker: Mosquitto, gateway: RunningApp) -> AsyncIterator[Watcher]:
    async with watch(broker) as found:
        await found.wait("darvaz/status", lambda status: status == "online")
        yield found


async def carry_out(board: Board, result: Any = None, error: str = "") -> dict[str, Any]:
    """Answers the next command, and returns it."""
    command = await board.receive("command")
    answer = {"status": "error", "message": error} if error else {"status": "ok", "result": result}
    await board.send("ack", id=command["id"], **answer)
    return {"name": command["name"], "args": command["args"]}


async def test_one_message_tells_home_assistant_of_a_board(gateway: RunningApp, watcher: Watcher) -> None:
    async with board_at(gateway, "greenhouse", commands=COMMANDS, telemetry=TELEMETRY) as board:
        await board.send("telemetry", values={"temperature": 21.5, "motion": True, "mode": "eco"})
        topic = "homeassistant/device/darvaz_greenhouse/config"
        config = await watcher.wait(topic, lambda config: "text_sensor_mode" in config["components"])

    assert config["device"] == {
        "identifiers": ["darvaz_greenhouse"],
        "name": "greenhouse",
        "manufacturer": "Darvaz",
        "model": "pico",
    }
    platforms = {key: component["platform"] for key, component in config["components"].items()}
    assert (
        platforms
        | {
            "sensor_temperature": "sensor",
            "binary_sensor_motion": "binary_sensor",
            "button_beep": "button",
            "switch_led": "switch",
            "number_pan": "number",
            "select_mode": "select",
        }
        == platforms
    )
    # Home Assistant would refuse a pressure in furlongs.
    assert "device_class" not in config["components"]["sensor_pressure"]


async def test_values_and_presence_are_retained(gateway: RunningApp, broker: Mosquitto, watcher: Watcher) -> None:
    async with board_at(gateway, "shed", telemetry=TELEMETRY) as board:
        await board.send("telemetry", values={"temperature": 4, "motion": False})
        await board.send("telemetry", values={"temperature": 5})
        await board.send("log", message="سلام", level="warning")
        await watcher.wait("darvaz/shed/telemetry", lambda values: values.get("temperature") == 5)
        line = await watcher.wait("darvaz/shed/log")
        here = await watcher.wait("darvaz/shed/availability")
    away = await watcher.wait("darvaz/shed/availability", lambda state: state == "offline")

    async with watch(broker, "darvaz/shed/#") as later:
        values = await later.wait("darvaz/shed/telemetry")
        state = await later.wait("darvaz/shed/availability")
    assert (values, state, here, away) == ({"temperature": 5, "motion": False}, "offline", "online", "offline")
    assert (line["level"], line["message"]) == ("warning", "سلام")
    assert "darvaz/shed/log" not in [topic for topic, _, _ in later.messages]


@pytest.mark.parametrize(
    ("name", "payload", "args"),
    [
        ("led", "true", {"on": True}),
        ("led", "OFF", {"on": False}),
        ("pan", "90.0", {"angle": 90}),
        ("mode", "boost", {"mode": "boost"}),
        ("beep", "PRESS", {}),
        ("say", '{"text": "hello", "times": 2}', {"text": "hello", "times": 2}),
    ],
)
async def test_a_command_comes_back_to_the_board(
    gateway: RunningApp, watcher: Watcher, name: str, payload: str, args: dict[str, Any]
) -> None:
    device = f"servant-{name}-{len(payload)}"
    async with board_at(gateway, device, commands=COMMANDS) as board:
        watcher.send(f"darvaz/{latin_id(device)}/command/{name}", payload, answer_to="my/answers")
        command = await carry_out(board, result={"done": name, "of": device})
        answer = await watcher.wait("my/answers", lambda answer: answer.get("result", {}).get("of") == device)

    assert command == {"name": name, "args": args}
    assert answer == {"status": "ok", "result": {"done": name, "of": device}}


async def test_what_is_no_command_is_answered_with_the_reason(gateway: RunningApp, watcher: Watcher) -> None:
    wrong = [
        ("nobody/command/led", "true", "unknown_device"),
        ("strict/command/fly", "", "invalid"),
        ("strict/command/pan", "ninety", "invalid"),
        ("strict/command/say", "hello", "invalid"),
        ("strict/command/say", "{" * 9000, "invalid"),
        ("strict/command/say", "x" * 20_000, "invalid"),
        ("strict/command/led", b"\xff\xfe", "invalid"),
    ]
    async with board_at(gateway, "strict", commands=COMMANDS) as board:
        for number, (topic, payload, code) in enumerate(wrong):
            watcher.send(f"darvaz/{topic}", payload, answer_to=f"wrong/{number}")
            answer = await watcher.wait(f"wrong/{number}")
            assert (answer["status"], answer["code"]) == ("error", code), answer
        watcher.send("darvaz/strict/command/beep", "", answer_to="not/#/allowed")
        await carry_out(board, error="the horn is gone")
        answer = await watcher.wait("darvaz/strict/answer/beep")

    assert (answer["code"], answer["message"]) == ("refused_by_board", "the horn is gone")


async def test_a_retained_command_is_not_carried_out(gateway: RunningApp, broker: Mosquitto, watcher: Watcher) -> None:
    async with board_at(gateway, "careful", commands=COMMANDS) as board:
        watcher.send("darvaz/careful/command/led", "true", retain=True)
        # It comes as an ordinary message to those who listen already.
        await carry_out(board)
        await gateway.restart()
    async with board_at(gateway, "careful", commands=COMMANDS) as board:
        answer = await watcher.wait("darvaz/careful/answer/led", lambda answer: answer["status"] == "error")
        watcher.send("darvaz/careful/command/led", "", retain=True)

    assert answer["code"] == "retained"


async def test_a_switch_shows_what_the_board_confirmed(gateway: RunningApp, watcher: Watcher) -> None:
    async with board_at(gateway, "lamp", commands=COMMANDS) as board:
        watcher.send("darvaz/lamp/command/led", "true")
        await carry_out(board)
        state = await watcher.wait("darvaz/lamp/commands", lambda state: bool(state))

    assert state == {"led": {"on": True}}


async def test_the_last_picture_is_retained(gateway: RunningApp, broker: Mosquitto, watcher: Watcher) -> None:
    async with board_at(gateway, "yard", kind="esp32cam") as board:
        await board.link.send(jpeg(size_bytes=5_000))
        await watcher.wait("darvaz/yard/picture")
        config = await watcher.wait("homeassistant/device/darvaz_yard/config")
    async with watch(broker, "darvaz/yard/picture") as later:
        await later.wait("darvaz/yard/picture")

    assert config["components"]["camera_camera"]["topic"] == "darvaz/yard/picture"
    assert later.messages[0][1].startswith(b"\xff\xd8")


async def test_persian_names_have_latin_topics(gateway: RunningApp, watcher: Watcher) -> None:
    topic = f"darvaz/{latin_id('گلخانه')}"
    async with board_at(gateway, "گلخانه", telemetry=TELEMETRY) as board:
        await board.send("telemetry", values={"temperature": 1})
        values = await watcher.wait(f"{topic}/telemetry", lambda values: bool(values))

    page = (await gateway.get("/metrics")).text
    assert "darvaz_mqtt_connected 1.0" in page
    assert {name for name in OF_A_BROKER if name not in page} == set()
    assert topic.isascii()
    assert values == {"temperature": 1}


async def test_an_entity_that_is_gone_is_taken_away(gateway: RunningApp, watcher: Watcher) -> None:
    topic = "homeassistant/device/darvaz_changer/config"
    async with board_at(gateway, "changer", commands={"beep": {}, "led": COMMANDS["led"]}):
        await watcher.wait(topic, lambda config: "switch_led" in config["components"])
    await gateway.restart()
    async with board_at(gateway, "changer", commands={"beep": {}}):
        await watcher.wait(topic, lambda config: config["components"].get("switch_led") == {"platform": "switch"})
        await watcher.wait(topic, lambda config: config["components"] and "switch_led" not in config["components"])


async def test_a_forgotten_board_leaves_the_broker(gateway: RunningApp, broker: Mosquitto, watcher: Watcher) -> None:
    async with board_at(gateway, "goner", telemetry=TELEMETRY) as board:
        await board.send("telemetry", values={"temperature": 1})
        await watcher.wait("darvaz/goner/telemetry", lambda values: bool(values))
    await gateway.ask("DELETE", "/api/devices/goner")
    await watcher.wait("homeassistant/device/darvaz_goner/config", lambda text: text == "")
    await watcher.wait("darvaz/goner/availability", lambda state: state == "")

    async with watch(broker, "darvaz/#", "homeassistant/#") as later:
        await later.wait("darvaz/status")
    assert [topic for topic, _, _ in later.messages if "goner" in topic] == []


async def test_home_assistant_is_told_twice_since_it_skips_what_comes_too_soon(
    gateway: RunningApp, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = "homeassistant/device/darvaz_twice/config"
    monkeypatch.setattr(bridge, "CONFIG_AGAIN_S", 0.2)
    async with board_at(gateway, "twice", commands=COMMANDS) as board:
        first = await watcher.wait(topic)
        await board.send("telemetry", values={"n": 1})
        second = await watcher.wait(topic, lambda config: "sensor_n" in config["components"])
        await settled(lambda: watcher.payloads(topic)[-2:] == [second, second])

    assert "sensor_n" not in first["components"]
    assert next(iter(second["components"])) == "sensor_n"


async def test_a_hidden_board_is_taken_away_and_takes_no_commands(gateway: RunningApp, watcher: Watcher) -> None:
    async with board_at(gateway, "secret", commands=COMMANDS) as board:
        await watcher.wait("darvaz/secret/availability", lambda state: state == "online")
        await gateway.ask("PATCH", "/api/devices/secret", json={"hidden_from": ["mqtt"]})
        await watcher.wait("darvaz/secret/availability", lambda state: state == "")
        await board.send("telemetry", values={"n": 1})
        watcher.send("darvaz/secret/command/beep", "")
        answer = await watcher.wait("darvaz/secret/answer/beep")
        await gateway.ask("PATCH", "/api/devices/secret", json={"hidden_from": []})
        await watcher.wait("darvaz/secret/telemetry", lambda values: values == {"n": 1})

    assert answer["code"] == "unknown_device"


async def test_a_newer_release_is_offered_and_installed_by_its_topic(
    gateway: RunningApp, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "PROGRESS_EVERY_S", 0.02)
    key = bytes.fromhex((await gateway.post("/api/devices/pump/update-key")).json()["key"])
    first = await release(gateway, b"first")
    running = {"state": "good", "counter": 1, "has_key": True}
    async with board_at(gateway, "pump", program={**running, "release": first}) as board:
        before = await watcher.wait("darvaz/pump/update")
        second = await release(gateway, b"print(2)\n" * 1000)
        offered = await watcher.wait("darvaz/pump/update", lambda state: state["latest_version"] == second)
        config = await watcher.wait("homeassistant/device/darvaz_pump/config", has_update)
        watcher.send("darvaz/pump/install", "now", answer_to="pump/refused")
        refused = await watcher.wait("pump/refused")
        watcher.send("darvaz/pump/install", "latest")

        async def note(part: int) -> None:
            await watcher.wait("darvaz/pump/update", lambda state: state["update_percentage"] is not None)

        files = await receive_release(board, key, on_part=note)
        begun = await watcher.wait("darvaz/pump/installed")
    watcher.clear()
    async with board_at(gateway, "pump", program={**running, "release": second}):
        after = await watcher.wait("darvaz/pump/update", lambda state: state["installed_version"] == second)
    await watcher.wait("darvaz/pump/availability", lambda state: state == "offline")

    assert (before["installed_version"], before["latest_version"], before["in_progress"]) == (first, first, False)
    assert (offered["installed_version"], offered["title"]) == (first, "pump")
    assert config["components"]["update_program"]["payload_install"] == "latest"
    assert (refused["code"], begun["status"]) == ("invalid", "ok")
    assert files == {"main.py": b"print(2)\n" * 1000}
    assert (after["latest_version"], after["in_progress"]) == (second, False)
    # While the board is away, its entity stays.
    assert all(map(has_update, watcher.payloads("homeassistant/device/darvaz_pump/config")))


async def release(gateway: RunningApp, main: bytes) -> str:
    """Makes a release of the program "pump", and returns its number."""
    body = {"name": "pump", "files": {"main.py": base64.b64encode(main).decode()}}
    return str((await gateway.post("/api/releases", json=body)).json()["number"])


def has_update(config: dict[str, Any]) -> bool:
    """Whether a message of discovery has an update entity; one without a topic says that it is gone."""
    return "state_topic" in config["components"].get("update_program", {})
