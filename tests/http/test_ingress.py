"""Home Assistant shows the add-on's page: whom it lets in is an operator, by any name, and counted by his address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from darvaz.gateway.http.forwarded import SUPERVISOR
from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT = "203.0.113.9"
# What the Supervisor passes on: headers of a browser, those that Home Assistant added, and its own last address.
INGRESS = {
    "Host": "home.example.org:8123",
    "User-Agent": "Mozilla/5.0",
    "Accept-Language": "fa",
    "X-Ingress-Path": "/api/hassio_ingress/a-token",
    "X-Forwarded-For": f"{CLIENT}, 172.30.32.1",
    "X-Forwarded-Host": "home.example.org:8123",
    "X-Forwarded-Proto": "https",
    "X-Remote-User-Name": "owner",
    "X-Hass-Source": "core.ingress",
    "Cookie": "ingress_session=something",
}
OWN_PAGE = {**INGRESS, "Origin": "https://home.example.org:8123", "Sec-Fetch-Site": "same-origin"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(trusted_proxies=SUPERVISOR, home_assistant_ingress=True) as running:
        yield running


async def test_the_page_is_shown_to_whom_home_assistant_lets_in(gateway: RunningApp) -> None:
    page = await gateway.ask("GET", "/", SUPERVISOR, headers=INGRESS)
    me = await gateway.ask("GET", "/api/session", SUPERVISOR, headers=OWN_PAGE)

    assert page.status_code == 200
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert (me.json()["role"], me.json()["by"]) == ("owner", "home_assistant")


async def test_the_page_may_change_things(gateway: RunningApp) -> None:
    opened = await gateway.ask("POST", "/api/enrolment", SUPERVISOR, headers=OWN_PAGE, json={"minutes": 5})

    assert opened.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{**INGRESS, "Origin": "https://attacker.example"}, {**INGRESS, "Sec-Fetch-Site": "cross-site"}, INGRESS],
    ids=["another page", "another site", "no origin"],
)
async def test_other_pages_may_change_nothing(gateway: RunningApp, headers: dict[str, str]) -> None:
    assert (await gateway.ask("DELETE", "/api/enrolment", SUPERVISOR, headers=headers)).status_code == 403


@pytest.mark.parametrize("address", ["172.30.32.1", "172.30.33.5", "10.0.0.1", "127.0.0.1"])
async def test_nobody_else_is_taken_for_home_assistant(gateway: RunningApp, address: str) -> None:
    by_name = {**OWN_PAGE, "Host": "192.0.2.1:3000", "Origin": "http://192.0.2.1:3000"}

    assert (await gateway.ask("GET", "/api/session", address, headers=by_name)).status_code == 401


async def test_a_request_of_the_supervisor_without_a_page_has_no_rights(gateway: RunningApp) -> None:
    without = {name: value for name, value in OWN_PAGE.items() if name not in ("X-Ingress-Path", "Host", "Origin")}

    assert (await gateway.ask("GET", "/api/session", SUPERVISOR, headers=without)).status_code == 401


async def test_the_journal_has_the_address_of_the_person(gateway: RunningApp) -> None:
    refused = {**INGRESS, "Authorization": "Bearer dvz_aaaaaaaaaa_" + "A" * 43}
    await gateway.ask("GET", "/api/devices", SUPERVISOR, headers=refused)

    assert [line.address for line in await gateway.journal(type="refused")][-1] == CLIENT


async def test_without_the_setting_home_assistant_is_a_proxy_like_others() -> None:
    async with RunningApp(trusted_proxies=SUPERVISOR) as gateway:
        assert (await gateway.ask("GET", "/api/session", SUPERVISOR, headers=OWN_PAGE)).status_code == 403
