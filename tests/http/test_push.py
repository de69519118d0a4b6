"""Web Push, from the reading to the browser: subscriptions over the API, and a push service that reads what it gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from darvaz.gateway.alerts.browsers import BROWSERS_MAX
from tests.http.test_loop_time import LONGEST_S, no_collection
from tests.support.api import assert_problem
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.loop_time import measured_loop
from tests.support.push_service import PushService
from tests.support.told_browsers import (
    PATH,
    fill,
    person_of,
    received,
    report,
    signed_in,
    subscribed,
    until_told_no_more,
    watch_cold,
)
from tests.support.told_soon import tell_soon


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_soon(monkeypatch)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushService]:
    with PushService(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        yield running


@pytest_asyncio.fixture
async def gateway(service: PushService) -> AsyncIterator[RunningApp]:
    async with RunningApp(push_local_hosts="localhost") as running:
        yield running


async def test_a_browser_is_told_in_the_language_that_its_person_chose(
    gateway: RunningApp, service: PushService
) -> None:
    browser, subscriber = await subscribed(gateway, service, "en")
    await browser.ask("PATCH", "/api/session", json={"language": "fa"})
    await watch_cold(gateway)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3.5)
        (began,) = await received(service, subscriber, 1)

    assert began.payload["lang"] == "fa"
    assert "۳٫۵" in began.payload["title"]


async def test_a_browser_is_told_in_its_language_what_began_and_that_it_is_over(
    gateway: RunningApp, service: PushService
) -> None:
    _, english = await subscribed(gateway, service)
    _, persian = await subscribed(gateway, service, "fa")
    await watch_cold(gateway)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3.5)
        (began,) = await received(service, english, 1)
        (in_persian,) = await received(service, persian, 1)
        await report(board, temperature=20)
        over = (await received(service, english, 2))[1]

    assert service.refusals == []
    assert began.payload["title"] == "greenhouse: temperature is 3.5, below 5"
    assert (began.payload["lang"], began.payload["page"]) == ("en", "/alerts")
    assert in_persian.payload["lang"] == "fa" and "کمتر از ۵" in in_persian.payload["title"]
    # The end takes the place of the beginning: in the browser, and at a push service that could not reach it yet.
    assert over.payload["ended"] == began.payload["began"] == [began.payload["tag"]]
    assert over.payload["tag"] == began.payload["tag"] == over.headers["topic"] == began.headers["topic"]
    assert (began.headers["urgency"], over.headers["urgency"]) == ("high", "normal")
    assert began.claims["key"] == gateway.parts.alerts.messages.browsers.public_key


async def test_a_push_service_that_is_down_gets_everything_later(gateway: RunningApp, service: PushService) -> None:
    browser, subscriber = await subscribed(gateway, service)
    subscriber.status = 503
    await watch_cold(gateway)
    await watch_cold(gateway, value="humidity")
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await received(service, subscriber, tries=2)
        shown = (await browser.ask("GET", PATH)).json()
        health = (await gateway.get("/api/health")).json()
        await report(board, humidity=3)
        await received(service, subscriber, tries=service.tries + 3)

        await gateway.restart()
        subscriber.status = 201
        found = await received(service, subscriber, 1)

    assert (shown["waiting"], shown["error"]) == (1, "localhost answered 503")
    assert "alerts cannot be told by browsers: 1 of 1: localhost answered 503" in health["problems"]
    text = "\n".join(f"{message.payload['title']}\n{message.payload['body']}" for message in found)
    assert "temperature is 3" in text and "humidity is 3" in text
    (gone_down,) = await gateway.journal(type="alerts not told")
    assert (gone_down.payload or "").startswith("the browser of session ")


async def test_a_browser_that_its_push_service_does_not_know_any_more_is_removed(
    gateway: RunningApp, service: PushService
) -> None:
    browser, subscriber = await subscribed(gateway, service)
    subscriber.status = 410

    tested = await browser.ask("POST", f"{PATH}/test")

    assert tested.json() == {"is_sent": False, "error": "the push service does not know it any more"}
    assert not (await browser.ask("GET", PATH)).json()["is_subscribed"]
    assert len(await gateway.journal(type="push subscription removed")) == 1


@pytest.mark.parametrize("end", ["sign out", "removal", "limits", "end of the session"])
async def test_who_may_not_see_alerts_any_more_gets_none(gateway: RunningApp, service: PushService, end: str) -> None:
    browser, revoked = await subscribed(gateway, service)
    _, other = await subscribed(gateway, service)
    await watch_cold(gateway)
    person = await person_of(browser)
    session = (await browser.ask("GET", "/api/session")).json()["session"]
    ends = {
        "sign out": lambda: browser.ask("DELETE", "/api/session"),
        "removal": lambda: gateway.ask("DELETE", f"/api/people/{person}"),
        "limits": lambda: gateway.ask("PATCH", f"/api/people/{person}", json={"grants": [{"group": "hall"}]}),
        "end of the session": lambda: gateway.ask("DELETE", f"/api/sessions/{session}"),
    }
    assert (await ends[end]()).is_success
    await until_told_no_more(gateway, 1)

    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await received(service, other, 1)

    assert (revoked.messages, service.tries) == ([], 1)


async def test_a_message_that_waits_is_not_sent_once_the_session_is_over(
    gateway: RunningApp, service: PushService
) -> None:
    browser, subscriber = await subscribed(gateway, service)
    subscriber.status = 503
    await watch_cold(gateway)
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await received(service, subscriber, tries=1)
    session = (await browser.ask("GET", "/api/session")).json()["session"]
    # As another process does it: nobody tells the part that sends.
    gateway.parts.operators.sessions.close(session)
    subscriber.status = 201

    await until_told_no_more(gateway)

    assert subscriber.messages == []


async def test_one_browser_does_not_reach_the_subscription_of_another(
    gateway: RunningApp, service: PushService
) -> None:
    _, subscriber = await subscribed(gateway, service)
    other = await signed_in(gateway, "owner")

    shown = (await other.ask("GET", PATH)).json()
    removed = await other.ask("DELETE", PATH)
    tested = await other.ask("POST", f"{PATH}/test")
    foreign = {**service.subscribe().as_json(), "endpoint": subscriber.endpoint}
    taken = await other.ask("PUT", PATH, json=foreign)

    assert not shown["is_subscribed"] and subscriber.endpoint not in str(shown)
    assert_problem(removed, 404, "not_subscribed")
    assert_problem(tested, 404, "not_subscribed")
    assert_problem(taken, 422, "invalid")
    assert len(gateway.parts.alerts.messages.browsers) == 1


async def test_a_browser_in_which_somebody_else_signs_in_is_told_once(
    gateway: RunningApp, service: PushService
) -> None:
    _, subscriber = await subscribed(gateway, service)
    other = await signed_in(gateway)

    assert (await other.ask("PUT", PATH, json=subscriber.as_json("fa"))).status_code == 200

    assert (await gateway.post("/api/alert-channels/browsers/test")).json() == {"is_sent": True, "error": None}
    (message,) = await received(service, subscriber, 1)
    assert message.payload["lang"] == "fa"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x",
        "https://10.0.0.7/x",
        "https://[::1]/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://push.example.org:8443/x",
        "https://user@push.example.org/x",
        "https://push.example.org/" + "x" * 1_000,
        "ftp://push.example.org/",
    ],
)
async def test_an_address_that_is_not_of_a_public_push_service_is_refused(
    gateway: RunningApp, service: PushService, endpoint: str
) -> None:
    browser = await signed_in(gateway)

    answer = await browser.ask("PUT", PATH, json={**service.subscribe().as_json(), "endpoint": endpoint})

    assert_problem(answer, 422, "invalid")


async def test_a_name_that_leads_into_the_own_network_is_not_sent_to(service: PushService) -> None:
    async with RunningApp() as gateway:
        browser, subscriber = await signed_in(gateway), service.subscribe()
        by_name = {**subscriber.as_json(), "endpoint": f"https://localhost{subscriber.path}"}
        assert (await browser.ask("PUT", PATH, json=by_name)).status_code == 200

        tested = (await browser.ask("POST", f"{PATH}/test")).json()

    assert not tested["is_sent"] and "push_local_hosts" in tested["error"]
    assert service.tries == 0


async def test_an_alert_for_as_many_browsers_as_are_told_does_not_hold_the_event_loop(
    gateway: RunningApp, service: PushService
) -> None:
    await gateway.parts.alerts.messages.browsers.prepare()
    subscribers = fill(gateway, service, BROWSERS_MAX)
    await watch_cold(gateway)
    async with board_at(gateway, "greenhouse") as board:
        with no_collection(), measured_loop() as loop_time:
            await report(board, temperature=3)
            for each in subscribers:
                await received(service, each, 1)

    assert service.tries == BROWSERS_MAX
    assert loop_time.longest_s < LONGEST_S, loop_time.callback


async def test_no_more_browsers_are_told_than_a_gateway_tells(gateway: RunningApp, service: PushService) -> None:
    messages = gateway.parts.alerts.messages
    fill(gateway, service, BROWSERS_MAX)

    refused = await (await signed_in(gateway)).ask("PUT", PATH, json=service.subscribe().as_json())

    assert_problem(refused, 409, "too_many")
    assert len(messages.browsers) == BROWSERS_MAX


async def test_who_does_not_see_all_alerts_or_has_no_session_is_not_told(
    gateway: RunningApp, service: PushService
) -> None:
    user = await signed_in(gateway, "user", grants=[{"group": "hall"}])
    body = service.subscribe().as_json()

    assert_problem(await user.ask("PUT", PATH, json=body), 403, "not_allowed")
    assert_problem(await user.ask("GET", PATH), 403, "not_allowed")
    assert_problem(await gateway.ask("PUT", PATH, json=body), 409, "no_session")
    assert (await gateway.get(PATH)).json()["is_session"] is False


async def test_neither_the_address_nor_a_key_is_in_the_journal_or_an_answer(
    gateway: RunningApp, service: PushService
) -> None:
    browser, subscriber = await subscribed(gateway, service)
    subscriber.status = 500
    answers = [await browser.ask("GET", PATH), await browser.ask("POST", f"{PATH}/test")]
    answers += [await gateway.get("/api/alert-channels"), await gateway.get("/api/health")]
    await browser.ask("DELETE", PATH)

    written = "".join(str(line) for line in await gateway.journal())
    private = gateway.parts.tables.execute("SELECT value FROM settings WHERE key = 'push_key'").fetchone()[0]
    for secret in (subscriber.path, subscriber.as_json()["keys"]["auth"], private):
        assert secret not in "".join(answer.text for answer in answers) + written
    assert "push subscription added" in written and "push subscription removed" in written


async def test_rules_and_the_verb_for_tests_reach_browsers_by_one_name(
    gateway: RunningApp, service: PushService
) -> None:
    _, subscriber = await subscribed(gateway, service)
    listed = (await gateway.get("/api/alert-channels")).json()["channels"]
    await watch_cold(gateway, channels=["browsers"])
    async with board_at(gateway, "greenhouse") as board:
        await report(board, temperature=3)
        await received(service, subscriber, 1)
    reserved = await gateway.ask("PUT", "/api/alert-channels/browsers", json={"url": "json://127.0.0.1:9"})
    removed = await gateway.ask("DELETE", "/api/alert-channels/browsers")

    assert [(each["name"], each["address"]) for each in listed] == [("browsers", "Web Push to 1")]
    assert_problem(reserved, 409, "reserved")
    assert (removed.status_code, len(gateway.parts.alerts.messages.browsers)) == (204, 0)


async def test_the_key_is_made_once(gateway: RunningApp, service: PushService) -> None:
    browser, subscriber = await subscribed(gateway, service)
    before = (await browser.ask("GET", PATH)).json()

    await gateway.restart()

    after = (await browser.ask("GET", PATH)).json()
    assert (after["public_key"], after["is_subscribed"]) == (before["public_key"], True)
    assert (await browser.ask("POST", f"{PATH}/test")).json()["is_sent"]
    assert len(await received(service, subscriber, 1)) == 1
