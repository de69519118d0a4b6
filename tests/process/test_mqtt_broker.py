"""The connection to a real MQTT broker: what an outage does not lose, who the gateway is, and faults."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from darvaz.gateway.integrations import check_integrations
from darvaz.gateway.settings import Settings, SettingsError
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess, unused_port
from tests.support.mosquitto import Mosquitto, settled, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMANDS: dict[str, Any] = {"led": {"on": {"type": "boolean"}}}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


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
