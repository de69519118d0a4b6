"""Alerts, from the reading to the message: rules over the API, real Apprise, and a service that is sometimes down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from darvaz.gateway.alerts.outbox import MESSAGES_PER_CHANNEL_MAX, AlertOutbox
from darvaz.gateway.alerts.records import Message
from darvaz.gateway.releases.rollout import Rollout, RolloutPlan, Target
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.notified import NotificationService
from tests.support.told_soon import tell_soon

_DEADLINE_S = 30.0


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_soon(monkeypatch)


@pytest.fixture
def service() -> Iterator[NotificationService]:
    with NotificationService() as running:
        yield running


@pytest_asyncio.fixture
async def gateway(service: NotificationService) -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        put = await running.ask("PUT", "/api/alert-channels/phone", json={"url": service.url})
        assert put.status_code == 200, put.text
        yield running


async def add_rule(gateway: RunningApp, **fields: Any) -> dict[str, Any]:
    answer = await gateway.post("/api/alert-rules", json=fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def cold(gateway: RunningApp, **fields: Any) -> dict[str, Any]:
    rule = {"when": "below", "device": "greenhouse", "value": "temperature", "threshold": 5, **fields}
    return await add_rule(gateway, **rule)


async def report(board: Board, **values: Any) -> None:
    """Sends values, and returns once the gateway has them."""
    await board.send("telemetry", values=values)
    await board.send("ping")
    await board.receive("pong")


async def active(gateway: RunningApp, count: int) -> list[dict[str, Any]]:
    """Returns what is wrong, once it is as much."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            found: list[dict[str, Any]] = (await gateway.get("/api/alerts")).json()["alerts"]
            if len(found) == count:
                return found
            await asyncio.sleep(0.02)


async def messages(service: NotificationService, count: int) -> list[str]:
    """Returns title and body of each message, once there are as many."""
    found = await asyncio.to_thread(service.wait_for, count)
    return [f"{message['title']}\n{message['message']}" for message in found]


async def test_somebody_is_told_when_a_value_is_too_low_and_when_that_is_over(
    gateway: RunningApp, service: NotificationService
) -> None:
    await cold(gateway, hysteresis=1)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3.5)
        (alert,) = await active(gateway, 1)
        (began,) = await messages(service, 1)
        await report(board, temperature=6.5)
        await active(gateway, 0)
        over = (await messages(service, 2))[1]

    past = (await gateway.get("/api/alerts/history")).json()["alerts"]
    assert (alert["what"], alert["device"]) == ("temperature is 3.5, below 5", "greenhouse")
    assert began.startswith("greenhouse: temperature is 3.5, below 5\n")
    assert "(over)" in over
    assert [(each["id"], each["ended"] > each["began"]) for each in past] == [(alert["id"], True)]
    kept = [line.type for line in await gateway.journal(device="greenhouse") if line.type.startswith("alert")]
    assert kept == ["alert rule added", "alert began", "alert ended"]


async def test_boards_that_are_lost_together_are_one_message_with_the_cause(
    gateway: RunningApp, service: NotificationService
) -> None:
    await add_rule(gateway, when="offline", for_s=0.1)
    async with contextlib.AsyncExitStack() as boards:
        for number in range(12):
            await boards.enter_async_context(board_at(gateway, f"barn-{number}"))
    await active(gateway, 12)

    (text,) = await messages(service, 1)
    assert text.startswith("12 boards are offline\n")
    assert "All were lost within 1 s: look at the access point" in text
    assert "barn-0" in text and "barn-11" in text


async def test_a_service_that_is_down_gets_everything_later_in_one_message(
    gateway: RunningApp, service: NotificationService
) -> None:
    await cold(gateway)
    service.is_down = True
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await active(gateway, 1)
        await asyncio.to_thread(service.wait_for, 0, 2)
        channel = (await gateway.get("/api/alert-channels")).json()["channels"][0]
        health = (await gateway.get("/api/health")).json()
        await report(board, temperature=20)
        await active(gateway, 0)
        before = service.tries
        await asyncio.to_thread(service.wait_for, 0, before + 2)

        await gateway.restart()
        service.is_down = False
        (text,) = await messages(service, 1)

    assert channel["waiting"] == 1 and "could not be reached" in channel["error"]
    assert any("alerts cannot be told by phone" in problem for problem in health["problems"])
    assert text.startswith("2 messages of the gateway") and "(over)" in text


async def test_rules_and_alerts_are_the_same_after_a_restart(gateway: RunningApp, service: NotificationService) -> None:
    rule = await cold(gateway)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        (before,) = await active(gateway, 1)
        await messages(service, 1)

    await gateway.restart()
    (after,) = await active(gateway, 1)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=20)
        await active(gateway, 0)
        found = await messages(service, 2)

    assert (await gateway.get("/api/alert-rules")).json()["rules"] == [rule]
    assert (after["id"], after["is_announced"]) == (before["id"], True)
    assert abs(after["since"] - before["since"]) < 1e-6
    assert "(over)" in found[1]


async def test_nobody_else_is_told_of_what_was_acknowledged(gateway: RunningApp, service: NotificationService) -> None:
    # In the language of the boss.
    boss = {"url": service.url, "language": "fa"}
    assert (await gateway.ask("PUT", "/api/alert-channels/boss", json=boss)).json()["language"] == "fa"
    rule = {"channels": ["phone"], "escalate_after_s": 0.5, "escalate_to": ["boss"]}
    await cold(gateway, **rule)
    await cold(gateway, value="humidity", title="Too dry", **rule)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        (alert,) = await active(gateway, 1)
        await gateway.post(f"/api/alerts/{alert['id']}/acknowledgement")
        await report(board, humidity=3)
        found = await messages(service, 2)
        acknowledged, escalated = await active(gateway, 2)

    assert [text for text in found if "هنوز کسی رسیدگی نکرده است" in text] == [found[-1]]
    assert "humidity" in found[-1] and "temperature" not in found[-1]
    assert acknowledged["acknowledged"] and not acknowledged["is_escalated"]
    assert escalated["is_escalated"]


async def test_the_address_of_a_channel_is_a_secret(gateway: RunningApp, service: NotificationService) -> None:
    tested = await gateway.post("/api/alert-channels/phone/test")
    shown = (await gateway.get("/api/alert-channels")).text
    wrong = await gateway.ask("PUT", "/api/alert-channels/wrong", json={"url": "nonsense://secret-of-the-service"})
    local = await gateway.ask("PUT", "/api/alert-channels/wrong", json={"url": "syslog://"})

    assert tested.json() == {"is_sent": True, "error": None}
    assert "secret-of-the-service" not in shown + wrong.text
    assert "secret-of-the-service" not in "".join(str(line) for line in await gateway.journal())
    assert (wrong.status_code, local.status_code) == (422, 422)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"when": "below", "value": "t"}, "needs a number"),
        ({"when": "below", "threshold": 5}, "needs the name of a value"),
        ({"when": "offline"}, "needs the seconds"),
        ({"when": "offline", "for_s": 1, "device": "a", "group": "b"}, "not both"),
        ({"when": "offline", "for_s": 1, "channels": ["nobody"]}, "no channel 'nobody'"),
        ({"when": "offline", "for_s": 1, "quiet": {"begin": "24:00", "end": "07:00"}}, "begin"),
        ({"when": "event", "event": "doom"}, "release_fell_back"),
        ({"when": "offline", "for_s": 1, "escalate_after_s": 60}, "need each other"),
        ({"when": "above", "value": "t", "threshold": 1e300}, "threshold"),
    ],
)
async def test_a_rule_that_could_not_work_is_refused_with_the_reason(
    gateway: RunningApp, fields: dict[str, Any], words: str
) -> None:
    answer = await gateway.post("/api/alert-rules", json=fields)

    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_a_stream_of_events_tells_of_alerts(gateway: RunningApp) -> None:
    seen: list[str | None] = []
    gateway.parts.bus.subscribe_alerts(seen.append)
    await cold(gateway)

    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await active(gateway, 1)

    assert seen == ["greenhouse"]


async def test_a_rule_for_a_group_is_about_the_boards_in_it(gateway: RunningApp) -> None:
    await cold(gateway, device=None, group="گلخانه ۱")
    async with board_at(gateway, "greenhouse") as board, board_at(gateway, "attic") as other:
        await gateway.ask("PATCH", "/api/devices/greenhouse", json={"groups": ["گلخانه 1"]})
        await report(other, temperature=3)
        await report(board, temperature=3)
        (alert,) = await active(gateway, 1)
        await gateway.ask("PATCH", "/api/devices/greenhouse", json={"groups": []})
        await active(gateway, 0)

    (past,) = (await gateway.get("/api/alerts/history")).json()["alerts"]
    assert alert["device"] == "greenhouse"
    assert "left the group" in past["reason"]


async def test_a_release_that_fell_back_is_an_alert_until_it_is_acknowledged(gateway: RunningApp) -> None:
    await add_rule(gateway, when="event", event="release_fell_back")
    async with board_at(gateway, "greenhouse"):
        target = Target(device="greenhouse", state="fell_back")
        for tell in gateway.parts.updater.listeners:
            tell(Rollout(1, 1, RolloutPlan(), 0.0), target)
        (alert,) = await active(gateway, 1)

    await gateway.post(f"/api/alerts/{alert['id']}/acknowledgement")
    await active(gateway, 0)
    assert (alert["device"], alert["what"]) == ("greenhouse", "release fell back")


async def test_a_value_that_is_low_already_counts_for_a_new_rule(gateway: RunningApp) -> None:
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await cold(gateway)

        assert len(await active(gateway, 1)) == 1


def test_an_outbox_keeps_the_newest_messages_of_a_channel() -> None:
    outbox = AlertOutbox()
    added = [
        Message(id=str(number), channel="phone", unix_s=0.0, title="t", body="b")
        for number in range(MESSAGES_PER_CHANNEL_MAX + 1)
    ]

    dropped = outbox.add(added)

    (joined,) = outbox.take(0.0)
    assert [message.id for message in dropped] == ["0"]
    assert "1 older messages are left out" in joined.body
