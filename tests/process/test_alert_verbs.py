"""`darvaz alerts` against a real gateway: a channel, a rule, what is wrong, the acknowledgement, and the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from darvaz.cli import cli
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.notified import NotificationService
from tests.support.push_service import PushService

_DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture(scope="module")
def service() -> Iterator[NotificationService]:
    with NotificationService() as running:
        yield running


async def run(gateway: GatewayProcess, *words: str, given: str | None = None) -> Result:
    env = {"DARVAZ_GATEWAY": gateway.url, "DARVAZ_DATA": str(gateway.data)}
    return await asyncio.to_thread(CliRunner(env=env).invoke, cli, ["alerts", *words], given)


async def json_of(gateway: GatewayProcess, *words: str) -> Any:
    done = await run(gateway, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def wrong(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """Returns what is wrong, once anything is."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            found: list[dict[str, Any]] = await json_of(gateway, "list")
            if found:
                return found
            await asyncio.sleep(0.05)


async def test_a_rule_is_added_comes_true_is_acknowledged_and_removed(
    gateway: GatewayProcess, service: NotificationService
) -> None:
    channel = await run(gateway, "channel", "phone", given=service.url + "\n")
    tested = await run(gateway, "test")
    rule = await json_of(gateway, "add", "--device", "barn", "--value", "temperature", "--below", "5", "--quiet",
                         "00:00-23:59")  # fmt: skip
    async with board_at(gateway.ws_url, "barn") as board:
        await board.send("telemetry", values={"temperature": 3.5})
        found = await wrong(gateway)
    acknowledged = await run(gateway, "ack", found[0]["id"])
    removed = await run(gateway, "remove", rule["id"])
    past = await run(gateway, "list", "--history", "5")

    assert channel.exit_code == tested.exit_code == 0, channel.output + tested.output
    assert "secret-of-the-service" not in channel.output
    assert tested.stdout == "phone: sent\n"
    assert acknowledged.stdout == "barn: temperature is 3.5, below 5: acknowledged.\n"
    assert removed.exit_code == 0
    assert "the rule was removed" in past.stdout


async def test_a_test_reaches_browsers_whose_addresses_are_in_no_log(tmp_path: Path) -> None:
    with PushService(tmp_path) as push:
        env = {"SSL_CERT_FILE": str(push.authority), "DARVAZ_PUSH_LOCAL_HOSTS": "localhost"}
        with GatewayProcess("--log-level", "debug", env=env) as gateway:
            subscriber = push.subscribe()
            secret = gateway.post("/api/sign-in-links", json={"role": "viewer"}).json()["path"].partition("#")[2]
            origin = {"Origin": gateway.url}
            async with httpx.AsyncClient(base_url=gateway.url, headers=origin, trust_env=False) as browser:
                assert (await browser.post("/api/session", json={"token": secret})).is_success
                assert (await browser.put("/api/push-subscription", json=subscriber.as_json())).is_success

            tested = await run(gateway, "test")
            listed = await run(gateway, "channel")
            (message,) = await asyncio.to_thread(push.wait_for, subscriber, 1)
            log = gateway.log_text()

    assert tested.stdout == "browsers: sent\n"
    assert "Web Push to 1" in listed.stdout
    assert message.payload["title"] == "Test of the alerts"
    assert subscriber.path not in log and subscriber.as_json()["keys"]["auth"] not in log


async def test_a_rule_is_switched_off_and_on(gateway: GatewayProcess) -> None:
    rule = await json_of(gateway, "add", "--offline", "--for", "10m")

    off = await run(gateway, "remove", "--off", rule["id"])
    listed = await run(gateway, "list", "--rules")
    await run(gateway, "remove", "--on", rule["id"])
    (again,) = [each for each in await json_of(gateway, "list", "--rules") if each["id"] == rule["id"]]

    assert off.stdout == f"Rule {rule['id']} is off.\n"
    assert "any board: offline for 10 min" in listed.stdout
    assert again == rule


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["add"], "give one of --below"),
        (["add", "--below", "5", "--offline"], "give one of --below"),
        (["add", "--offline", "--for", "soon"], "expected a time such as"),
        (["add", "--offline", "--quiet", "night"], "expected two times of a day"),
        (["test", "nobody"], "no such channel"),
        (["ack", "nothing"], "no alert that is true now"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(
    gateway: GatewayProcess, words: list[str], expected: str
) -> None:
    done = await run(gateway, *words)

    assert done.exit_code != 0
    assert expected in done.output
