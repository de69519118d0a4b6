"""Signing in over HTTP: a link once, a token, roles, sessions that end, and pages that must not."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.gateway import GatewayProcess
from tests.support.journalled import lines, wait_for_line

LINK = re.compile(r"http://\S+/sign-in#(dvz_\S+)")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway to which its own machine is as far as any other."""
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as running:
        yield running


def run_cli(gateway: GatewayProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "darvaz", *arguments, "--data", str(gateway.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def link_of(gateway: GatewayProcess, *options: str) -> str:
    """Returns the credential of a fresh link, as `darvaz signin` prints it."""
    printed = run_cli(gateway, "signin", *options)
    assert printed.returncode == 0, printed.stderr
    found = LINK.fullmatch(printed.stdout.strip())
    assert found, printed.stdout
    return found.group(1)


def token_of(gateway: GatewayProcess, kind: str) -> str:
    return run_cli(gateway, "token", "issue", kind).stdout.strip()


class Browser:
    """An HTTP client that keeps cookies and sends Origin, as browsers do."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.cookies = httpx.Cookies()
        self._url = gateway.url

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        own = {"User-Agent": "Mozilla/5.0 (Test)", "Accept-Language": "fa"}
        if method != "GET":
            own["Origin"] = self._url
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30, cookies=self.cookies) as client:
            response = client.request(method, path, headers={**own, **(headers or {})}, **options)
            self.cookies = client.cookies
        return response

    @property
    def cookie(self) -> dict[str, str]:
        """Returns the header that carries the cookie."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def sign_in(self, text: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.ask("POST", "/api/session", headers, json={"token": text})


@pytest.fixture
def browser(gateway: GatewayProcess) -> Browser:
    return Browser(gateway)


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"] and problem["title"] and problem["type"]


# Links


def test_the_first_start_prints_a_link_and_later_ones_do_not(gateway: GatewayProcess) -> None:
    with GatewayProcess() as first:
        printed = LINK.findall(first.log_text())
        first.stop()
        first.start()

        assert len(printed) == 1
        assert LINK.findall(first.log_text()) == printed, "the second start printed no other"
        assert "darvaz signin" in first.log_text()


def test_the_printed_link_works_once() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        text = LINK.findall(gateway.log_text())[0]
        owner, thief = Browser(gateway), Browser(gateway)

        assert owner.sign_in(text).status_code == 201
        assert_problem(thief.sign_in(text), 401, "link_used")

        assert owner.ask("GET", "/api/devices").status_code == 200
        assert_problem(thief.ask("GET", "/api/devices"), 401, "not_authorised")
        wait_for_line(gateway.data, type="refused", payload="sign-in: 401 link_used")


def test_the_printed_link_leads_to_the_gateway(gateway: GatewayProcess) -> None:
    printed = run_cli(gateway, "signin", "--role", "viewer").stdout.strip()

    page = httpx.get(printed.partition("#")[0], trust_env=False)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_link_may_name_another_address(gateway: GatewayProcess) -> None:
    printed = run_cli(gateway, "signin", "--address", "https://boards.example.org/")

    assert printed.stdout.startswith("https://boards.example.org/sign-in#dvz_")


def test_an_operator_makes_a_link_for_another_browser(gateway: GatewayProcess, browser: Browser) -> None:
    browser.sign_in(link_of(gateway))

    made = browser.ask("POST", "/api/sign-in-links", json={"role": "viewer", "minutes": 1})
    phone = Browser(gateway)
    signed_in = phone.sign_in(made.json()["path"].partition("#")[2])

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert (signed_in.status_code, signed_in.json()["role"]) == (201, "viewer")


def test_a_link_that_expired_lets_nobody_in(gateway: GatewayProcess, browser: Browser) -> None:
    assert_problem(browser.sign_in(link_of(gateway, "--minutes", "0.00001")), 401, "not_authorised")


# Cookies and sessions


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(gateway: GatewayProcess, browser: Browser) -> None:
    cookie = browser.sign_in(link_of(gateway)).headers["set-cookie"].lower()

    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert "domain" not in cookie and "secure" not in cookie, "this gateway speaks plain HTTP"


def test_behind_a_proxy_with_tls_the_cookie_is_secure() -> None:
    env = {"DARVAZ_TRUSTED_PROXIES": "127.0.0.1"}
    with GatewayProcess(env=env) as gateway:
        response = Browser(gateway).sign_in(link_of(gateway), {"X-Forwarded-Proto": "https"})

    assert response.status_code == 201
    assert "secure" in response.headers["set-cookie"].lower()


def test_signing_out_ends_the_session(gateway: GatewayProcess, browser: Browser) -> None:
    browser.sign_in(link_of(gateway, "--role", "viewer"))
    kept = dict(browser.cookies)

    assert browser.ask("DELETE", "/api/session").status_code == 204

    assert not browser.cookies, "the browser was told to drop it"
    again = Browser(gateway)
    again.cookies.update(kept)
    assert_problem(again.ask("GET", "/api/devices"), 401, "not_authorised")


def test_a_revoked_session_is_over(gateway: GatewayProcess, browser: Browser) -> None:
    browser.sign_in(link_of(gateway))
    lost = Browser(gateway)
    session = lost.sign_in(link_of(gateway)).json()["session"]
    listed = browser.ask("GET", "/api/sessions").json()["sessions"]

    ended = browser.ask("DELETE", f"/api/sessions/{session}")

    assert {entry["is_yours"] for entry in listed if entry["id"] == session} == {False}
    assert sum(entry["is_yours"] for entry in listed) == 1
    assert ended.status_code == 204
    assert_problem(lost.ask("GET", "/api/devices"), 401, "not_authorised")
    assert_problem(browser.ask("DELETE", f"/api/sessions/{session}"), 404, "unknown_session")


def test_revoking_a_token_ends_the_session_that_it_opened(gateway: GatewayProcess, browser: Browser) -> None:
    text = token_of(gateway, "operator")
    browser.sign_in(text)
    assert browser.ask("GET", "/api/session").json()["by"] == "session"

    run_cli(gateway, "token", "revoke", text.split("_")[1])

    assert_problem(browser.ask("GET", "/api/session"), 401, "not_authorised")


def test_a_session_survives_a_restart(tmp_path: Any) -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        browser = Browser(gateway)
        browser.sign_in(link_of(gateway))
        gateway.stop()
        gateway.start()

        assert browser.ask("GET", "/api/session").json()["by"] == "session"


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
def test_a_viewer_looks_and_an_operator_acts(
    gateway: GatewayProcess, method: str, path: str, viewer: int, operator: int
) -> None:
    body = {"label": "x"} if method == "PATCH" else None
    for kind, status in (("viewer", viewer), ("operator", operator)):
        headers = {"Authorization": f"Bearer {token_of(gateway, kind)}"}
        answer = httpx.request(method, gateway.url + path, json=body, headers=headers, trust_env=False)

        assert answer.status_code == status, (kind, answer.text)


def test_a_viewers_token_works_as_a_password(gateway: GatewayProcess) -> None:
    viewer, operator = token_of(gateway, "viewer"), token_of(gateway, "operator")

    assert gateway.get("/api/devices", auth=("nvr", viewer)).status_code == 200
    assert_problem(gateway.get("/api/devices", auth=("nvr", operator)), 401, "not_authorised")


def test_programs_are_told_that_a_password_will_do_and_browsers_are_not(
    gateway: GatewayProcess, browser: Browser
) -> None:
    program = gateway.get("/api/devices").headers.get_list("www-authenticate")
    page = browser.ask("GET", "/api/devices").headers.get_list("www-authenticate")

    assert page == ["Bearer"]
    assert [challenge.partition(" ")[0] for challenge in program] == ["Bearer", "Basic"]


# Pages that must not


@pytest.mark.parametrize("origin", ["http://attacker.example", "http://127.0.0.1:1", "null"])
def test_a_foreign_page_changes_nothing_with_the_owners_cookie(
    gateway: GatewayProcess, browser: Browser, origin: str
) -> None:
    browser.sign_in(link_of(gateway))

    answers = [
        browser.ask("POST", "/api/sign-in-links", {"Origin": origin}),
        browser.ask("DELETE", "/api/session", {"Origin": origin}),
        browser.ask("GET", "/api/devices", {"Origin": origin}),
        browser.sign_in("x", {"Origin": origin}),
    ]

    for answer in answers:
        assert_problem(answer, 403, "origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers
    assert browser.ask("GET", "/api/session").status_code == 200, "the session lives on"


def test_a_form_without_an_origin_changes_nothing(gateway: GatewayProcess, browser: Browser) -> None:
    browser.sign_in(link_of(gateway))

    assert_problem(gateway.post("/api/sign-in-links", headers=browser.cookie), 403, "origin_not_allowed")


def test_a_form_of_another_kind_of_body_is_refused(gateway: GatewayProcess, browser: Browser) -> None:
    browser.sign_in(link_of(gateway))

    plain = browser.ask("POST", "/api/sign-in-links", {"Content-Type": "text/plain"}, content='{"role":"operator"}')

    assert_problem(plain, 415, "not_json")


@pytest.mark.parametrize("path", ["/api/devices", "/api/session", "/public/tokens"])
def test_a_rebound_name_is_refused(gateway: GatewayProcess, browser: Browser, path: str) -> None:
    browser.sign_in(link_of(gateway))

    assert_problem(browser.ask("GET", path, {"Host": f"attacker.example:{gateway.port}"}), 403, "host_not_allowed")


async def test_a_websocket_of_a_foreign_page_is_refused(gateway: GatewayProcess) -> None:
    token = token_of(gateway, "pico")
    for headers in ({"Origin": "http://attacker.example"}, {"Origin": f"http://attacker.example:{gateway.port}"}):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(
                f"{gateway.ws_url}/ws/pico", additional_headers={**headers, "Authorization": f"Bearer {token}"}
            ):
                pass

        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/devices", "/health", "/pages/sign-in/sign-in.js", "/nowhere"])
def test_every_answer_forbids_framing_sniffing_and_foreign_scripts(gateway: GatewayProcess, path: str) -> None:
    headers = gateway.get(path).headers

    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["/pages/../settings.py", "/pages/%2e%2e/settings.py", "/pages//etc/passwd", "/pages/"]
)
def test_no_path_leads_out_of_the_pages(gateway: GatewayProcess, path: str) -> None:
    assert gateway.get(path).status_code == 404


# Failures and secrets


def test_guessing_is_stopped_and_journalled() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        browser = Browser(gateway)
        good = link_of(gateway)
        guesses = [browser.sign_in("dvz_aaaaaaaaaa_" + "A" * 43).status_code for _ in range(13)]
        locked_out = browser.sign_in(good)

        assert guesses[:11] == [401] * 11 and guesses[11:] == [429] * 2
        assert_problem(locked_out, 429, "too_many_failures")
        assert int(locked_out.headers["retry-after"]) > 0
        wait_for_line(
            gateway.data, count=11, type="refused", payload="sign-in: 401 not_authorised", address="127.0.0.1"
        )


def test_a_flood_of_refusals_does_not_fill_the_journal() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        for _ in range(60):
            assert gateway.get("/api/devices").status_code == 401
        gateway.stop()

        assert 1 <= sum(line.type == "refused" for line in lines(gateway.data)) <= 20


def test_no_secret_is_written_anywhere() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false", "DARVAZ_LOG_LEVEL": "debug"}) as gateway:
        browser = Browser(gateway)
        printed = LINK.findall(gateway.log_text())[0]
        before = gateway.log_text()
        link, token = link_of(gateway), token_of(gateway, "operator")
        browser.sign_in(link)
        cookie = next(iter(browser.cookies.values()))
        browser.sign_in(token)
        gateway.get("/api/devices", headers={"Authorization": f"Bearer {token}"})
        gateway.get("/api/devices", auth=("x", token))
        gateway.get(f"/api/devices?token={token}")
        gateway.get(f"/nowhere/{token}")
        browser.ask("DELETE", "/api/session")
        gateway.stop()

        log = gateway.log_text().removeprefix(before)
        journal = json.dumps([vars(line) for line in lines(gateway.data)])
        files = b"".join(path.read_bytes() for path in gateway.data.iterdir())
        for secret in (text.split("_", 2)[2] for text in (printed, link, token, cookie)):
            assert secret not in log and secret not in journal
            assert secret.encode() not in files


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"token":5}', '{"token":""}', "{}", '{"token":"x","admin":true}', "null"]
)
def test_a_faulty_body_is_a_sentence(gateway: GatewayProcess, body: str) -> None:
    response = gateway.post("/api/session", content=body)

    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_malformed_password_header_is_refused(gateway: GatewayProcess) -> None:
    header = base64.b64encode(b"\xff\xfe").decode()

    assert_problem(gateway.get("/api/devices", headers={"Authorization": f"Basic {header}"}), 401, "not_authorised")
