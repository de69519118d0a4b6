"""The guide's clients, exactly as printed, connect to the gateway."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support import chromium, guide, journalled
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.xdist_group("guide-clients")

# The default heartbeat comes every two minutes.
_FAST_HEARTBEAT = {"DARVAZ_HEARTBEAT_S": "0.5"}
_TOKEN_NEEDED = {"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}

# The guide is fixed: our copy may add text around its clients, but the clients never change.
_DIGESTS = {
    "complete": "60d3df752259",
    "short": "98ef482e3e07",
    "javascript": "3a4a4cbbb032",
}


@pytest.mark.parametrize(("name", "digest"), _DIGESTS.items())
def test_client_in_our_copy_of_the_guide_is_unchanged(name: str, digest: str) -> None:
    assert hashlib.sha256(guide.original(name).encode()).hexdigest().startswith(digest)


def test_complete_python_client_connects_and_answers_pings(tmp_path: Path) -> None:
    with GatewayProcess(env=_FAST_HEARTBEAT) as gateway:
        text = guide.client("complete", f"127.0.0.1:{gateway.port}")
        with guide.run_python(text, tmp_path) as client:
            client.wait_for("'type': 'connection_ack', 'status': 'success'")
            client.wait_for("'type': 'ping'", count=2)
            pongs = journalled.wait_for_line(gateway.data, count=2, type="pong", direction="<")

            assert client.is_running

    assert "Pico connection acknowledged" in client.text
    assert "❌" not in client.text
    assert {pong.device for pong in pongs} == {"pico_external"}


def test_short_python_client_connects_with_its_token(tmp_path: Path) -> None:
    with GatewayProcess(env=_TOKEN_NEEDED) as gateway:
        text = guide.client("short", f"127.0.0.1:{gateway.port}", gateway.token())
        # The guide shows a coroutine; its reader has to start it.
        with guide.run_python(f"{text}\nimport asyncio\nasyncio.run(connect_pico())\n", tmp_path) as client:
            client.wait_for("Received: {'type': 'connection_ack', 'status': 'success'")

            assert client.is_running


def test_short_python_client_with_a_wrong_token_is_refused(tmp_path: Path) -> None:
    with GatewayProcess(env=_TOKEN_NEEDED) as gateway:
        text = guide.client("short", f"127.0.0.1:{gateway.port}", "dvz_0000000000_wrong")
        with guide.run_python(f"{text}\nimport asyncio\nasyncio.run(connect_pico())\n", tmp_path) as client:
            client.wait_for_end()

    assert "HTTP 401" in client.text
    assert "connection_ack" not in client.text


def test_javascript_client_in_node_is_admitted_by_its_first_message(tmp_path: Path) -> None:
    with GatewayProcess(env=_TOKEN_NEEDED) as gateway:
        text = guide.client("javascript", f"127.0.0.1:{gateway.port}", gateway.token())
        with guide.run_node(text + guide.OBSERVER, tmp_path) as client:
            client.wait_for('"connection_ack"')
            (shown,) = journalled.wait_for_line(gateway.data, type="auth", direction="<")

    assert "closed" not in client.text
    assert "dvz_" not in (shown.payload or "")


def test_javascript_client_in_node_with_a_wrong_token_is_closed(tmp_path: Path) -> None:
    with GatewayProcess(env=_TOKEN_NEEDED) as gateway:
        text = guide.client("javascript", f"127.0.0.1:{gateway.port}", "dvz_0000000000_wrong")
        with guide.run_node(text + guide.OBSERVER, tmp_path) as client:
            client.wait_for("closed 4401")

    assert "connection_ack" not in client.text


_IN_A_PAGE = """
new Promise((resolve) => {{
    const seen = [];
    const console = {{log: (line) => seen.push(line) && (seen.length > 1 || /ack|closed/.test(line)) && resolve(seen)}};
    {script}
}})
"""


async def _seen_in_chromium(gateway: GatewayProcess, token: str, folder: Path) -> list[str]:
    """Runs the guide's script in a page of the gateway's own origin and returns the messages it received."""
    text = guide.client("javascript", f"127.0.0.1:{gateway.port}", token)
    async with chromium.page_at(f"{gateway.url}/health", folder) as page:
        return list(await page.evaluate(_IN_A_PAGE.format(script=text + guide.OBSERVER)))


async def test_javascript_client_in_a_browser_is_admitted(tmp_path: Path) -> None:
    with GatewayProcess(env=_TOKEN_NEEDED) as gateway:
        seen = await _seen_in_chromium(gateway, gateway.token(), tmp_path)

    assert json.loads(seen[0])["type"] == "connection_ack"


async def test_javascript_client_in_a_browser_with_a_wrong_token_is_closed(tmp_path: Path) -> None:
    with GatewayProcess(env=_TOKEN_NEEDED) as gateway:
        seen = await _seen_in_chromium(gateway, "dvz_0000000000_wrong", tmp_path)

    assert "closed 4401" in seen
