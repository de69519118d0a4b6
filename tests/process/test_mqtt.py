"""Boards at a real MQTT broker: what it knows of them, commands that come back, and what an outage does not lose."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme

from darvaz.gateway.devices.names import latin_id
from darvaz.gateway.integrations import check_integrations
from darvaz.gateway.mqtt import bridge
from darvaz.gateway.settings import Settings, SettingsError
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.camera import jpeg
from tests.support.gateway import GatewayProcess, unused_port
from tests.support.mosquitto import Mosquitto, Watcher, watch

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


async def test_the_broker_says_that_a_killed_gateway_is_away(broker: Mosquitto, tmp_path: Path) -> None:
    options = ("--mqtt-url", broker.url, "--mqtt-prefix", "farm/north")
    async with watch(broker, "farm/#", "homeassistant/#") as watcher:
        with GatewayProcess(*options) as gateway:
            async with board_at(gateway.ws_url, "well"):
                await watcher.wait("farm/north/status", lambda state: state == "online")
                await watcher.wait("homeassistant/device/farm_north_well/config")
                await asyncio.to_thread(gateway.end, signal.SIGKILL)
                await watcher.wait("farm/north/status", lambda state: state == "offline")


async def test_nothing_is_lost_while_the_broker_is_away(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        async with RunningApp(mqtt_url=broker.url) as gateway, board_at(gateway, "logger") as board:
            async with watch(broker) as watcher:
                await watcher.wait("darvaz/logger/availability")
            broker.kill()
            for number in range(500):
                await board.send("telemetry", values={"n": number})
            await board.send("ping")
            await board.receive("pong")
            problem = gateway.parts.problems
            # Before the gateway is back: it waits a second at least between two attempts.
            broker.start()
            async with watch(broker) as watcher:
                await watcher.wait("darvaz/logger/telemetry", lambda values: values.get("n") == 499)
            await settled(lambda: not gateway.parts.problems)

    seen = [values["n"] for values in watcher.payloads("darvaz/logger/telemetry")]
    assert list(dict.fromkeys(seen)) == list(range(500))
    assert "is not reached" in problem[0]


async def test_commands_wait_for_a_gateway_that_is_away_for_a_moment(broker: Mosquitto) -> None:
    async with RunningApp(mqtt_url=broker.url, mqtt_prefix="short") as gateway, watch(broker) as watcher:
        async with board_at(gateway, "pump", commands=COMMANDS):
            await watcher.wait("short/pump/availability")
        await gateway.stop()
        watcher.send("short/pump/command/led", "true")
        await gateway.start()
        answer = await watcher.wait("short/pump/answer/led")

    assert answer["code"] == "offline"


async def test_the_gateway_shows_who_it_is_and_checks_the_broker(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    files = {"ca": authority.cert_pem, "cert": certificate.cert_chain_pems[0], "key": certificate.private_key_pem}
    for name, blob in files.items():
        blob.write_to_path(str(tmp_path / f"{name}.pem"))
    secure_port, passwords = unused_port(), tmp_path / "passwords"
    make_user = ["mosquitto_passwd", "-b", "-c", str(passwords), "gateway", "s3cret"]
    await asyncio.to_thread(subprocess.run, make_user, check=True)
    (tmp_path / "password.txt").write_text("s3cret\n")
    lines = [f"password_file {passwords}", f"listener {secure_port} 127.0.0.1"]
    lines += [f"certfile {tmp_path / 'cert.pem'}", f"keyfile {tmp_path / 'key.pem'}"]
    settings = {"mqtt_user": "gateway", "mqtt_password_file": str(tmp_path / "password.txt")}
    url = f"mqtts://localhost:{secure_port}"
    with Mosquitto(tmp_path, *lines, is_open=False) as broker:
        async with RunningApp(mqtt_url=url, mqtt_ca_file=str(tmp_path / "ca.pem"), **settings):
            async with watch(broker, user="gateway", password="s3cret") as watcher:
                await watcher.wait("darvaz/status", lambda state: state == "online")
        assert "certificate verify failed" in await problem_of(mqtt_url=url, **settings)
        assert "Not authorized" in await problem_of(mqtt_url=broker.url)


async def settled(is_so: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)


async def problem_of(**settings: Any) -> str:
    """Returns what a gateway with these settings says is wrong."""
    async with RunningApp(**settings) as gateway:
        await settled(lambda: bool(gateway.parts.problems))
        return gateway.parts.problems[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mqtt_password_file": "/nowhere/at/all"}, "No such file"),
        ({"mqtt_url": "mqtts://localhost", "mqtt_ca_file": "/dev/null"}, "cannot be used"),
    ],
)
async def test_a_file_that_is_missing_is_told_at_the_start(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        check_integrations(Settings(**{"data": str(tmp_path), "mqtt_url": "mqtt://localhost"} | settings))


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
