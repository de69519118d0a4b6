"""The sign-in page, and what protects the gateway from other sites, in a real Chromium."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line
from tests.support.verbs import run_darvaz

_DEADLINE_S = 20.0
_LINK = re.compile(r"http://\S+(/sign-in#dvz_\S+)")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway that asks its own machine for a token too."""
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page whose scripts may break the content security policy: here the policy is what is tested."""
    context = await browser.new_context(locale="en-GB")
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="module")
def attacker() -> Iterator[str]:
    """Another site on this machine, with an empty page; its URL."""

    class EmptyPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>attacker</title>")

        def log_message(self, format: str, *args: Any) -> None:
            """Writes no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


async def sign_in_path(gateway: GatewayProcess) -> str:
    """Returns path and fragment of a fresh link."""
    ran = await asyncio.to_thread(run_darvaz, "signin", "--data", str(gateway.data))
    found = _LINK.fullmatch(ran.stdout.strip())
    assert found
    return found.group(1)


async def until(page: Page, expression: str) -> None:
    """Waits until an expression is true in the page."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            if await page.evaluate(expression):
                return
            await asyncio.sleep(0.05)


async def sign_in(page: Page, gateway: GatewayProcess) -> str:
    """Signs in with a new link and returns its path and fragment."""
    path = await sign_in_path(gateway)
    await page.goto(gateway.url + path)
    await expect(page).to_have_url(f"{gateway.url}/")
    await page.wait_for_load_state()
    return path


async def open_form(page: Page, gateway: GatewayProcess) -> None:
    await page.goto(f"{gateway.url}/sign-in")
    await expect(page.locator("#form")).to_be_visible()


async def test_opening_the_link_signs_in_and_leaves_no_trace(page: Page, gateway: GatewayProcess) -> None:
    await sign_in(page, gateway)

    assert await page.evaluate("fetch('/api/session').then(r => r.json()).then(who => who.by)") == "session"
    assert await page.evaluate("document.cookie") == ""
    devtools = await page.context.new_cdp_session(page)
    history = await devtools.send("Page.getNavigationHistory")
    assert not [entry["url"] for entry in history["entries"] if "dvz_" in entry["url"]]


async def test_a_used_link_is_refused_with_a_reason(page: Page, gateway: GatewayProcess) -> None:
    path = await sign_in(page, gateway)
    # Away from the dashboard: without its cookie it would go to the sign-in page by itself.
    await page.goto("about:blank")
    await page.context.clear_cookies()

    await page.goto(gateway.url + path)
    await expect(page.locator("#form")).to_be_visible()

    await expect(page.locator("#status")).to_contain_text("used already")
    assert await page.evaluate("fetch('/api/session').then(r => r.status)") == 401
    await expect(page.locator("#token")).to_be_focused()


async def test_a_token_may_be_typed(page: Page, gateway: GatewayProcess) -> None:
    path = await sign_in_path(gateway)
    await open_form(page, gateway)

    await page.locator("#token").fill(gateway.url + path)
    await page.locator("#submit").click()
    await expect(page).to_have_url(f"{gateway.url}/")

    assert await page.evaluate("fetch('/api/session').then(r => r.status)") == 200


async def test_the_page_is_in_persian_for_a_persian_browser(browser: Browser, gateway: GatewayProcess) -> None:
    context = await browser.new_context(locale="fa-IR")
    page = await context.new_page()

    await open_form(page, gateway)

    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.locator("#submit")).to_have_text("ورود")
    await context.close()


async def test_inline_script_and_other_hosts_are_blocked(page: Page, gateway: GatewayProcess) -> None:
    await open_form(page, gateway)

    await page.evaluate(
        """(() => {
            window.blocked = [];
            document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
            const picture = new Image();
            picture.src = 'http://192.0.2.1/x.png';
            fetch('http://192.0.2.1/').catch(() => {});
        })()"""
    )
    await until(page, "blocked.length >= 3")

    assert await page.evaluate("window.ran === undefined")
    assert set(await page.evaluate("blocked")) == {"script-src-elem", "img-src", "connect-src"}


async def test_the_gateway_cannot_be_framed(page: Page, gateway: GatewayProcess, attacker: str) -> None:
    await page.goto(attacker)

    await page.evaluate(
        f"""(() => {{
            window.framed = null;
            const frame = document.createElement('iframe');
            frame.onload = () => {{ window.framed = true; }};
            frame.src = '{gateway.url}/sign-in';
            document.body.append(frame);
        }})()"""
    )
    await until(page, "framed === true")

    # The browser shows its own error page instead.
    devtools = await page.context.new_cdp_session(page)
    tree = await devtools.send("Page.getFrameTree")
    assert "unreachableUrl" in tree["frameTree"]["childFrames"][0]["frame"]


async def test_another_page_of_the_same_host_cannot_use_the_session(
    page: Page, gateway: GatewayProcess, attacker: str
) -> None:
    await sign_in(page, gateway)
    await page.goto(attacker)

    # Another port of the host is the same site, so the cookie is sent: only Origin differs.
    send = "fetch('{url}', {{method: '{method}', mode: 'no-cors', credentials: 'include'}}).then(() => 1, () => 0)"
    await page.evaluate(send.format(url=f"{gateway.url}/api/sign-in-links", method="POST"))
    await page.evaluate(f"navigator.sendBeacon('{gateway.url}/api/sign-in-links', new Blob(['{{}}']))")
    read = await page.evaluate(
        f"fetch('{gateway.url}/api/devices', {{credentials: 'include'}}).then(() => 'read', () => 'refused')"
    )
    socket = await page.evaluate(
        f"""new Promise((done) => {{
            const socket = new WebSocket('{gateway.ws_url}/ws/pico');
            socket.onopen = () => done('open');
            socket.onerror = () => done('refused');
        }})"""
    )
    await open_form(page, gateway)

    assert (read, socket) == ("refused", "refused")
    await asyncio.to_thread(
        wait_for_line,
        gateway.data,
        count=2,
        type="refused",
        payload="POST /api/sign-in-links: 403 origin_not_allowed",
    )
    assert await page.evaluate("fetch('/api/session').then(r => r.status)") == 200, "the session is still valid"
