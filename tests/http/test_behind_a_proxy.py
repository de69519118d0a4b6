"""Behind a reverse proxy: limits by client, pages below a path, and the address that others are given."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT = "203.0.113.9"
PUBLIC_URL = "https://home.example/darvaz"
# What nginx sends with `proxy_set_header Host $host`, and a browser's own headers.
OF_PAGE = {
    "Host": "home.example",
    "Origin": "https://home.example",
    "User-Agent": "Mozilla/5.0",
    "Accept-Language": "fa",
}
BY_PROXY = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    """A gateway that trusts a proxy on this machine, which shows it below a path."""
    async with RunningApp(
        trusted_proxies="127.0.0.1", links_per_address_max=3, public_url=PUBLIC_URL, public_tokens="always"
    ) as running:
        yield running


@pytest.mark.parametrize(("forwarded", "address"), [(CLIENT, CLIENT), ("<b>nonsense</b>", "")])
async def test_the_journal_has_the_address_of_the_client(gateway: RunningApp, forwarded: str, address: str) -> None:
    device, token = f"behind-{len(address)}", await gateway.token()
    headers = {"X-Forwarded-For": forwarded, "Authorization": f"Bearer {token}"}

    async with gateway.websocket("/darvaz/ws/pico", headers) as board:
        await board.send(json.dumps({"type": "connect", "device": device}))
        assert json.loads(await board.recv())["type"] == "connection_ack"

    (line,) = await gateway.journal(device=device, type="connect")
    assert line.address == address


async def test_a_client_that_is_localhost_by_the_header_still_needs_a_token(gateway: RunningApp) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1"}

    async with gateway.websocket("/ws/pico", headers) as board:
        await board.send('{"type":"connect","device":"behind"}')

        assert json.loads(await board.recv())["code"] == "not_authorised"
    assert (await gateway.get("/api/devices", headers=headers)).status_code == 401


async def test_limits_of_links_count_the_client_and_not_the_proxy(gateway: RunningApp) -> None:
    one, other = {"X-Forwarded-For": "203.0.113.50"}, {"X-Forwarded-For": "203.0.113.51"}
    boards = [await gateway.open_websocket("/ws/pico", one) for _ in range(3)]

    with pytest.raises(InvalidStatus) as refused:
        await gateway.open_websocket("/ws/pico", one)
    async with gateway.websocket("/ws/pico", other):
        pass

    assert refused.value.response.status_code == 429
    for board in boards:
        await board.close()


async def test_failures_of_one_client_do_not_block_another(gateway: RunningApp) -> None:
    wrong = {"Authorization": "Bearer dvz_aaaaaaaaaa_" + "A" * 43}
    for _ in range(11):
        await gateway.get("/api/devices", headers={**wrong, "X-Forwarded-For": "203.0.113.60"})

    blocked = await gateway.get("/api/devices", headers={**wrong, "X-Forwarded-For": "203.0.113.60"})
    other = await gateway.get("/api/devices", headers={**wrong, "X-Forwarded-For": "203.0.113.61"})

    assert (blocked.status_code, other.status_code) == (429, 401)


async def sign_in(gateway: RunningApp) -> tuple[str, httpx.Response]:
    """Signs a browser in by the link that the command prints; returns that link, and the answer."""
    link = (await gateway.run_cli("signin")).stdout.strip()
    body = {"token": link.rpartition("#")[2]}
    path = "/darvaz/api/session"
    return link, await gateway.ask("POST", path, headers={**OF_PAGE, **BY_PROXY}, json=body)


async def test_the_page_below_a_path_signs_in(gateway: RunningApp) -> None:
    link, answer = await sign_in(gateway)
    cookie, *attributes = answer.headers["set-cookie"].split("; ")

    listed = await gateway.get("/darvaz/api/devices", headers={**OF_PAGE, **BY_PROXY, "Cookie": cookie})
    left = await gateway.ask("DELETE", "/darvaz/api/session", headers={**OF_PAGE, **BY_PROXY, "Cookie": cookie})

    assert link.startswith(f"{PUBLIC_URL}/sign-in#")
    assert answer.status_code == 201
    assert {"Path=/darvaz/", "Secure", "HttpOnly", "SameSite=strict"} <= set(attributes)
    assert listed.status_code == 200
    assert (left.status_code, "Path=/darvaz/" in left.headers["set-cookie"]) == (204, True)


async def test_the_address_that_is_told_is_the_setting(gateway: RunningApp) -> None:
    _, answer = await sign_in(gateway)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    headers = {**OF_PAGE, **BY_PROXY, "Cookie": cookie}

    enrolment = (await gateway.get("/api/enrolment", headers=headers)).json()
    link = (await gateway.post("/api/sign-in-links", headers=headers)).json()

    assert (enrolment["address"], enrolment["is_public"]) == (PUBLIC_URL, True)
    assert (link["address"], link["is_public"]) == (PUBLIC_URL, True)
    assert f"  {PUBLIC_URL}\n" in gateway.printed
    assert "boards: wss://home.example/darvaz/ws/pico" in gateway.printed


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/docs", "/pages/app.js", "/pages/styles/dashboard.css"])
async def test_pages_name_nothing_by_an_absolute_path(gateway: RunningApp, path: str) -> None:
    text = (await gateway.get(path)).text

    assert not re.findall(r"""(?:href|src|url|action)\s*[=:(]\s*["'(]?/[a-z]*""", text)
    assert not re.findall(r"""["'`]/(?:pages|sign-in)\b""", text)


async def test_the_prefix_without_a_slash_leads_to_the_page(gateway: RunningApp) -> None:
    answer = await gateway.get("/darvaz")

    assert (answer.status_code, answer.headers["location"]) == (308, "darvaz/")
    assert "Darvaz" in (await gateway.get("/darvaz/")).text


async def test_programs_are_told_the_path(gateway: RunningApp) -> None:
    of_setting = (await gateway.get("/darvaz/openapi.json")).json()
    of_header = (await gateway.get("/openapi.json", headers={"X-Forwarded-Prefix": "/elsewhere"})).json()

    assert of_setting["servers"] == [{"url": "/darvaz"}]
    assert of_header["servers"] == [{"url": "/elsewhere"}]


async def test_only_home_assistant_may_show_the_page_in_a_frame(gateway: RunningApp) -> None:
    plain = await gateway.get("/", headers=BY_PROXY)
    framed = await gateway.get("/", headers={**BY_PROXY, "X-Ingress-Path": "/api/hassio_ingress/abc"})

    assert "frame-ancestors 'none'" in plain.headers["content-security-policy"]
    assert plain.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'self'" in framed.headers["content-security-policy"]
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
