"""Browsers that a gateway in the test's process tells of alerts, and what makes alerts."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.app import RunningApp
from tests.support.board import Board
from tests.support.browsers import Browser
from tests.support.push_service import PushService, Received, Subscriber

PATH = "/api/push-subscription"
_ELSEWHERE = "192.0.2.7"
_DEADLINE_S = 30.0


async def signed_in(gateway: RunningApp, role: str = "viewer", **fields: Any) -> Browser:
    """Returns the browser of somebody who has just come with an invitation."""
    made = await gateway.post("/api/invitations", json={"role": role, **fields})
    browser = Browser(gateway, _ELSEWHERE)
    name = f"Person {len(gateway.parts.operators.people.roles())}"
    came = await browser.sign_in(str(made.json()["path"].partition("#")[2]), name=name)
    assert came.status_code == 201, came.text
    return browser


async def subscribed(gateway: RunningApp, service: PushService, language: str = "en") -> tuple[Browser, Subscriber]:
    """Returns a browser that is told of alerts."""
    browser, subscriber = await signed_in(gateway), service.subscribe()
    answer = await browser.ask("PUT", PATH, json=subscriber.as_json(language))
    assert answer.status_code == 200, answer.text
    return browser, subscriber


async def person_of(browser: Browser) -> str:
    return str((await browser.ask("GET", "/api/session")).json()["person"])


async def watch_cold(gateway: RunningApp, **fields: Any) -> None:
    rule = {"when": "below", "device": "greenhouse", "value": "temperature", "threshold": 5, **fields}
    answer = await gateway.post("/api/alert-rules", json=rule)
    assert answer.status_code == 201, answer.text


async def report(board: Board, **values: Any) -> None:
    """Sends values, and returns once the gateway has them."""
    await board.send("telemetry", values=values)
    await board.send("ping")
    await board.receive("pong")


async def received(service: PushService, subscriber: Subscriber, count: int = 0, tries: int = 0) -> list[Received]:
    return await asyncio.to_thread(service.wait_for, subscriber, count, tries)


async def until_told_no_more(gateway: RunningApp, browsers: int = 0) -> None:
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            if len(gateway.parts.alerts.messages.browsers) == browsers:
                return
            await asyncio.sleep(0.02)


def fill(gateway: RunningApp, service: PushService, browsers: int) -> list[Subscriber]:
    """Has the browsers of sessions told, without people whose they are."""
    # Those without people are removed as soon as somebody's access changes.
    gateway.parts.alerts.messages.browsers.may_be_told = lambda session: True
    found = [service.subscribe() for _ in range(browsers)]
    for number, each in enumerate(found):
        made = each.as_json()
        gateway.parts.alerts.messages.put_browser(
            f"session{number}", made["endpoint"], made["keys"]["p256dh"], made["keys"]["auth"], "en", ""
        )
    return found
