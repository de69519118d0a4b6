"""Signing in over HTTP: links, tokens, roles, sessions that end, and pages that are refused."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.support.api import assert_problem
from tests.support.app import RunningApp
from tests.support.browsers import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINK = re.compile(r"http://\S+/sign-in#(dvz_\S+)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    """A gateway that needs a token from its own machine too."""
    async with RunningApp(localhost_without_token=False) as running:
        yield running


async def link_of(gateway: RunningApp, *options: str) -> str:
    """Returns the credential of a new link, as `darvaz signin` prints it."""
    printed = await gateway.run_cli("signin", *options)
    assert printed.exit_code == 0, printed.stderr
    found = LINK.fullmatch(printed.stdout.strip())
    assert found, printed.stdout
    return found.group(1)


async def token_of(gateway: RunningApp, kind: str) -> str:
    return (await gateway.run_cli("token", "issue", kind)).stdout.strip()


@pytest.fixture
def browser(gateway: RunningApp) -> Browser:
    return Browser(gateway)


# Links


async def test_the_first_start_prints_a_link_and_later_ones_do_not(gateway: RunningApp) -> None:
    async with RunningApp() as first:
        printed = LINK.findall(first.printed)
        await first.restart()

        assert len(printed) == 1
        assert LINK.findall(first.printed) == printed, "the second start printed no other"
        assert "darvaz signin" in first.printed


async def test_the_printed_link_works_once() -> None:
    async with RunningApp(localhost_without_token=False) as gateway:
        text = LINK.findall(gateway.printed)[0]
        owner, thief = Browser(gateway), Browser(gateway)

        assert (await owner.sign_in(text)).status_code == 201
        assert_problem(await thief.sign_in(text), 401, "link_used")

        assert (await owner.ask("GET", "/api/devices")).status_code == 200
        assert_problem(await thief.ask("GET", "/api/devices"), 401, "not_authorised")
        assert await gateway.journal(type="refused", payload="sign-in: 401 link_used")


async def test_the_printed_link_leads_to_the_gateway(gateway: RunningApp) -> None:
    printed = (await gateway.run_cli("signin", "--role", "viewer")).stdout.strip()

    page = await gateway.get(printed.partition("#")[0])

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_a_link_may_name_another_address(gateway: RunningApp) -> None:
    printed = await gateway.run_cli("signin", "--address", "https://boards.example.org/")

    assert printed.stdout.startswith("https://boards.example.org/sign-in#dvz_")


async def test_an_operator_makes_a_link_for_another_browser(gateway: RunningApp, browser: Browser) -> None:
    await browser.sign_in(await link_of(gateway))

    made = await browser.ask("POST", "/api/sign-in-links", json={"role": "viewer", "minutes": 1})
    phone = Browser(gateway)
    signed_in = await phone.sign_in(made.json()["path"].partition("#")[2])

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert (signed_in.status_code, signed_in.json()["role"]) == (201, "viewer")


async def test_an_expired_link_is_refused(gateway: RunningApp, browser: Browser) -> None:
    assert_problem(await browser.sign_in(await link_of(gateway, "--minutes", "0.00001")), 401, "not_authorised")


# Cookies and sessions


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(gateway: RunningApp, browser: Browser) -> None:
    cookie = (await browser.sign_in(await link_of(gateway))).headers["set-cookie"].lower()

    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert "domain" not in cookie and "secure" not in cookie, "this gateway speaks plain HTTP"


async def test_signing_out_ends_the_session(gateway: RunningApp, browser: Browser) -> None:
    await browser.sign_in(await link_of(gateway, "--role", "viewer"))
    kept = dict(browser.cookies)

    assert (await browser.ask("DELETE", "/api/session")).status_code == 204

    assert not browser.cookies, "the browser was told to drop it"
    again = Browser(gateway)
    again.cookies.update(kept)
    assert_problem(await again.ask("GET", "/api/devices"), 401, "not_authorised")


async def test_a_revoked_session_is_over(gateway: RunningApp, browser: Browser) -> None:
    await browser.sign_in(await link_of(gateway))
    lost = Browser(gateway)
    session = (await lost.sign_in(await link_of(gateway))).json()["session"]
    listed = (await browser.ask("GET", "/api/sessions")).json()["sessions"]

    ended = await browser.ask("DELETE", f"/api/sessions/{session}")

    assert {entry["is_yours"] for entry in listed if entry["id"] == session} == {False}
    assert sum(entry["is_yours"] for entry in listed) == 1
    assert ended.status_code == 204
    assert_problem(await lost.ask("GET", "/api/devices"), 401, "not_authorised")
    assert_problem(await browser.ask("DELETE", f"/api/sessions/{session}"), 404, "unknown_session")


async def test_revoking_a_token_ends_the_session_that_it_opened(gateway: RunningApp, browser: Browser) -> None:
    text = await token_of(gateway, "operator")
    await browser.sign_in(text)
    assert (await browser.ask("GET", "/api/session")).json()["by"] == "session"

    await gateway.run_cli("token", "revoke", text.split("_")[1])

    assert_problem(await browser.ask("GET", "/api/session"), 401, "not_authorised")


async def test_a_session_survives_a_restart() -> None:
    async with RunningApp(localhost_without_token=False) as gateway:
        browser = Browser(gateway)
        await browser.sign_in(await link_of(gateway))
        await gateway.restart()

        assert (await browser.ask("GET", "/api/session")).json()["by"] == "session"


# Roles and tokens


@pytest.mark.parametrize(
    ("method", "path", "viewer", "operator"),
    [
        ("GET", "/api/devices", 200, 200),
        ("GET", "/api/session", 200, 200),
        ("GET", "/api/sessions", 403, 200),
        ("POST", "/api/devices/nobody/commands/pan", 403, 404),
        ("PATCH", "/api/devices/nobody", 403, 404),
        ("DELETE", "/api/devices/nobody", 403, 404),
        ("POST", "/api/sign-in-links", 403, 201),
    ],
)
async def test_a_viewer_reads_and_an_operator_changes(
    gateway: RunningApp, method: str, path: str, viewer: int, operator: int
) -> None:
    body = {"label": "x"} if method == "PATCH" else None
    for kind, status in (("viewer", viewer), ("operator", operator)):
        headers = {"Authorization": f"Bearer {await token_of(gateway, kind)}"}
        answer = await gateway.ask(method, path, json=body, headers=headers)

        assert answer.status_code == status, (kind, answer.text)


async def test_a_viewers_token_works_as_a_password(gateway: RunningApp) -> None:
    viewer, operator = await token_of(gateway, "viewer"), await token_of(gateway, "operator")

    assert (await gateway.get("/api/devices", auth=("nvr", viewer))).status_code == 200
    assert_problem(await gateway.get("/api/devices", auth=("nvr", operator)), 401, "not_authorised")


async def test_programs_are_offered_a_password_and_browsers_are_not(gateway: RunningApp, browser: Browser) -> None:
    program = (await gateway.get("/api/devices")).headers.get_list("www-authenticate")
    page = (await browser.ask("GET", "/api/devices")).headers.get_list("www-authenticate")

    assert page == ["Bearer"]
    assert [challenge.partition(" ")[0] for challenge in program] == ["Bearer", "Basic"]


# Pages that must not


@pytest.mark.parametrize("origin", ["http://attacker.example", "http://127.0.0.1:1", "null"])
async def test_a_foreign_page_changes_nothing_with_the_owners_cookie(
    gateway: RunningApp, browser: Browser, origin: str
) -> None:
    await browser.sign_in(await link_of(gateway))

    answers = [
        await browser.ask("POST", "/api/sign-in-links", {"Origin": origin}),
        await browser.ask("DELETE", "/api/session", {"Origin": origin}),
        await browser.ask("GET", "/api/devices", {"Origin": origin}),
        await browser.sign_in("x", {"Origin": origin}),
    ]

    for answer in answers:
        assert_problem(answer, 403, "origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers
    assert (await browser.ask("GET", "/api/session")).status_code == 200, "the session lives on"


async def test_a_form_without_an_origin_changes_nothing(gateway: RunningApp, browser: Browser) -> None:
    await browser.sign_in(await link_of(gateway))

    assert_problem(await gateway.post("/api/sign-in-links", headers=browser.cookie), 403, "origin_not_allowed")


async def test_a_form_of_another_kind_of_body_is_refused(gateway: RunningApp, browser: Browser) -> None:
    await browser.sign_in(await link_of(gateway))

    plain = await browser.ask(
        "POST", "/api/sign-in-links", {"Content-Type": "text/plain"}, content='{"role":"operator"}'
    )

    assert_problem(plain, 415, "not_json")


@pytest.mark.parametrize("path", ["/api/devices", "/api/session", "/public/tokens"])
async def test_a_rebound_name_is_refused(gateway: RunningApp, browser: Browser, path: str) -> None:
    await browser.sign_in(await link_of(gateway))

    assert_problem(
        await browser.ask("GET", path, {"Host": f"attacker.example:{gateway.port}"}), 403, "host_not_allowed"
    )


async def test_a_websocket_of_a_foreign_page_is_refused(gateway: RunningApp) -> None:
    token = await token_of(gateway, "pico")
    for headers in ({"Origin": "http://attacker.example"}, {"Origin": f"http://attacker.example:{gateway.port}"}):
        with pytest.raises(InvalidStatus) as refused:
            await gateway.open_websocket("/ws/pico", {**headers, "Authorization": f"Bearer {token}"})

        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "path", ["/pages/../settings.py", "/pages/%2e%2e/settings.py", "/pages//etc/passwd", "/pages/"]
)
async def test_no_path_leads_out_of_the_folder_of_pages(gateway: RunningApp, path: str) -> None:
    assert (await gateway.get(path)).status_code == 404


# Failures and secrets


async def test_guessing_is_stopped_and_journalled() -> None:
    async with RunningApp(localhost_without_token=False) as gateway:
        browser = Browser(gateway)
        good, wrong = await link_of(gateway), "dvz_aaaaaaaaaa_" + "A" * 43
        guesses = [(await browser.sign_in(wrong)).status_code for _ in range(13)]
        locked_out = await browser.sign_in(wrong)
        let_in = await browser.sign_in(good)

        assert guesses[:11] == [401] * 11 and guesses[11:] == [429] * 2
        assert_problem(locked_out, 429, "too_many_failures")
        assert int(locked_out.headers["retry-after"]) > 0
        assert let_in.status_code == 201
        refused = await gateway.journal(type="refused", payload="sign-in: 401 not_authorised", address="127.0.0.1")
        assert len(refused) >= 11


async def test_a_flood_of_refusals_does_not_fill_the_journal() -> None:
    async with RunningApp(localhost_without_token=False) as gateway:
        for _ in range(60):
            assert (await gateway.get("/api/devices")).status_code == 401

        assert 1 <= len(await gateway.journal(type="refused")) <= 20


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"token":5}', '{"token":""}', "{}", '{"token":"x","admin":true}', "null"]
)
async def test_an_invalid_body_is_a_problem(gateway: RunningApp, body: str) -> None:
    response = await gateway.post("/api/session", content=body)

    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_malformed_password_header_is_refused(gateway: RunningApp) -> None:
    header = base64.b64encode(b"\xff\xfe").decode()

    assert_problem(
        await gateway.get("/api/devices", headers={"Authorization": f"Basic {header}"}), 401, "not_authorised"
    )
