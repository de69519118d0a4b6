"""Signing in to a gateway in its own process: what uvicorn adds to responses, and what is written anywhere."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from tests.support.gateway import GatewayProcess
from tests.support.journalled import lines
from tests.support.verbs import run_darvaz

LINK = re.compile(r"http://\S+/sign-in#(dvz_\S+)")


def run_cli(gateway: GatewayProcess, *arguments: str) -> str:
    done = run_darvaz(*arguments, "--data", str(gateway.data))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def link_of(gateway: GatewayProcess) -> str:
    """Returns the credential of a new link, as `darvaz signin` prints it."""
    return run_cli(gateway, "signin").partition("#")[2]


def browser_of(gateway: GatewayProcess) -> httpx.Client:
    """Returns an HTTP client that keeps cookies and sends Origin, as browsers do."""
    headers = {"User-Agent": "Mozilla/5.0 (Test)", "Accept-Language": "fa", "Origin": gateway.url}
    return httpx.Client(base_url=gateway.url, headers=headers, trust_env=False, verify=False, timeout=30)


def test_behind_a_proxy_with_tls_the_cookie_is_secure() -> None:
    env = {"DARVAZ_TRUSTED_PROXIES": "127.0.0.1"}
    with GatewayProcess(env=env) as gateway, browser_of(gateway) as browser:
        proxied = {"X-Forwarded-Proto": "https"}
        response = browser.post("/api/session", json={"token": link_of(gateway)}, headers=proxied)

    assert response.status_code == 201
    assert "secure" in response.headers["set-cookie"].lower()


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


def test_no_secret_is_written_anywhere() -> None:
    env = {"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false", "DARVAZ_LOG_LEVEL": "debug"}
    with GatewayProcess(env=env) as gateway, browser_of(gateway) as browser:
        printed = LINK.findall(gateway.log_text())[0]
        before = gateway.log_text()
        link, token = link_of(gateway), run_cli(gateway, "token", "issue", "operator")
        assert browser.post("/api/session", json={"token": link}).status_code == 201
        cookie = next(iter(browser.cookies.values()))
        assert browser.post("/api/session", json={"token": token}).status_code == 201
        gateway.get("/api/devices", headers={"Authorization": f"Bearer {token}"})
        gateway.get("/api/devices", auth=("x", token))
        gateway.get(f"/api/devices?token={token}")
        gateway.get(f"/nowhere/{token}")
        browser.delete("/api/session")
        gateway.stop()

        log = gateway.log_text().removeprefix(before)
        journal = json.dumps([vars(line) for line in lines(gateway.data)])
        files = b"".join(path.read_bytes() for path in gateway.data.iterdir() if path.is_file())
        for secret in (text.split("_", 2)[2] for text in (printed, link, token, cookie)):
            assert secret not in log and secret not in journal
            assert secret.encode() not in files
