"""The sign-in page and the gateway's defences, in a real Chromium."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support import chromium
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line

pytestmark = pytest.mark.xdist_group("chromium")

_DEADLINE_S = 20.0
_LINK = re.compile(r"http://\S+(/sign-in#dvz_\S+)")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway to which its own machine is as far as any other."""
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as running:
        yield running


@pytest.fixture
async def page(gateway: GatewayProcess, tmp_path: Path) -> AsyncIterator[chromium.Page]:
    async with chromium.page_at("about:blank", tmp_path) as page:
        # Whatever the support does for other tests: here the gateway's own policy is what is tested.
        await page.ask("Page.setBypassCSP", enabled=False)
        yield page


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
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


async def sign_in_path(gateway: GatewayProcess) -> str:
    """Returns path and fragment of a fresh link."""
    command = [sys.executable, "-m", "darvaz", "signin", "--data", str(gateway.data)]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=True)
    found = _LINK.fullmatch(ran.stdout.strip())
    assert found
    return found.group(1)


async def until(page: chromium.Page, expression: str) -> None:
    """Waits until an expression is true in the page."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            if await page.evaluate(expression):
                return
            await asyncio.sleep(0.05)


async def open_link(page: chromium.Page, url: str) -> None:
    await page.ask("Page.enable")
    await page.ask("Page.navigate", url=url)


async def test_opening_the_link_signs_in_and_leaves_no_trace(page: chromium.Page, gateway: GatewayProcess) -> None:
    path = await sign_in_path(gateway)

    await open_link(page, gateway.url + path)
    await until(page, "location.pathname !== '/sign-in' && document.readyState === 'complete'")

    assert await page.evaluate("fetch('/api/session').then(r => r.json()).then(who => who.by)") == "session"
    assert await page.evaluate("document.cookie") == ""
    history = await page.ask("Page.getNavigationHistory")
    assert not [entry["url"] for entry in history["entries"] if "dvz_" in entry["url"]]


async def test_a_link_that_was_used_says_so_and_asks_for_another(page: chromium.Page, gateway: GatewayProcess) -> None:
    path = await sign_in_path(gateway)
    await open_link(page, gateway.url + path)
    await until(page, "location.pathname !== '/sign-in' && document.readyState === 'complete'")
    await page.ask("Network.enable")
    await page.ask("Network.clearBrowserCookies")

    await open_link(page, gateway.url + path)
    await until(page, "document.getElementById('form')?.hidden === false")

    assert "used already" in await page.evaluate("document.getElementById('status').textContent")
    assert await page.evaluate("fetch('/api/session').then(r => r.status)") == 401
    assert await page.evaluate("document.activeElement.id") == "token"


async def test_a_token_may_be_typed(page: chromium.Page, gateway: GatewayProcess) -> None:
    path = await sign_in_path(gateway)
    await open_link(page, gateway.url + "/sign-in")
    await until(page, "document.getElementById('form')?.hidden === false")

    await page.evaluate(
        f"document.getElementById('token').value = '{gateway.url}{path}'; document.getElementById('submit').click()"
    )
    await until(page, "location.pathname !== '/sign-in' && document.readyState === 'complete'")

    assert await page.evaluate("fetch('/api/session').then(r => r.status)") == 200


async def test_the_page_speaks_persian(page: chromium.Page, gateway: GatewayProcess) -> None:
    await page.ask("Network.enable")
    await page.ask("Emulation.setUserAgentOverride", userAgent="Mozilla/5.0", acceptLanguage="fa-IR")

    await open_link(page, gateway.url + "/sign-in")
    await until(page, "document.getElementById('form')?.hidden === false")

    assert (
        await page.evaluate("document.documentElement.dir + document.getElementById('submit').textContent") == "rtlورود"
    )


async def test_inline_script_and_foreign_sources_do_not_run(page: chromium.Page, gateway: GatewayProcess) -> None:
    await open_link(page, gateway.url + "/sign-in")
    await until(page, "document.getElementById('form')?.hidden === false")

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


async def test_the_gateway_cannot_be_framed(page: chromium.Page, gateway: GatewayProcess, attacker: str) -> None:
    await open_link(page, attacker)
    await until(page, "document.title === 'attacker'")

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

    # What a browser shows instead is its own error page, of an origin that is nobody's.
    tree = await page.ask("Page.getFrameTree")
    assert "unreachableUrl" in tree["frameTree"]["childFrames"][0]["frame"]


async def test_another_page_of_the_same_host_cannot_use_the_session(
    page: chromium.Page, gateway: GatewayProcess, attacker: str
) -> None:
    await open_link(page, gateway.url + await sign_in_path(gateway))
    await until(page, "location.pathname !== '/sign-in' && document.readyState === 'complete'")
    await open_link(page, attacker)
    await until(page, "document.title === 'attacker'")

    # Another port of the host is the same site, so the cookie goes along: only Origin tells.
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
    await open_link(page, gateway.url + "/sign-in")
    await until(page, "document.getElementById('form')?.hidden === false")

    assert (read, socket) == ("refused", "refused")
    await asyncio.to_thread(
        wait_for_line,
        gateway.data,
        count=2,
        type="refused",
        payload="POST /api/sign-in-links: 403 origin_not_allowed",
    )
    assert await page.evaluate("fetch('/api/session').then(r => r.status)") == 200, "the session lives on"
