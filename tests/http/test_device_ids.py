"""Device ids over HTTP: two spellings are one device, every id has a path, and ids of earlier versions go on."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from darvaz.client import requests
from darvaz.gateway.devices.registry import KnownDevice
from darvaz.gateway.journal.flush import wait_until_written
from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPOSED, DECOMPOSED = "K\u00fcche", "Ku\u0308che"
BLANK = "pan-tilt\u2003"


async def introduce(link: MemoryWebSocket, device: str) -> dict[str, Any]:
    await link.send(json.dumps({"type": "connect", "device": device}))
    return dict(json.loads(await link.recv()))


async def test_board_gets_the_one_spelling_of_its_id(gateway: RunningApp) -> None:
    async with gateway.websocket("/ws/pico") as link:
        answer = await introduce(link, DECOMPOSED)

        by_path = [await gateway.get(f"/api/devices/{quote(name)}") for name in (COMPOSED, DECOMPOSED)]

    assert answer["device"] == COMPOSED
    assert [found.json()["id"] for found in by_path] == [COMPOSED, COMPOSED]
    found = await gateway.get("/api/journal", params={"device": DECOMPOSED, "type": "connect"})
    assert [row["device"] for row in found.json()["rows"]] == [COMPOSED]


async def test_token_is_for_the_one_spelling(gateway: RunningApp) -> None:
    issued = await gateway.post("/api/tokens", json={"kind": "pico", "device": DECOMPOSED})

    (token,) = [
        known for known in (await gateway.get("/api/tokens")).json()["tokens"] if known["id"] == issued.json()["id"]
    ]
    assert token["device"] == COMPOSED


async def test_board_with_a_letter_that_does_not_show_is_told_the_rule(gateway: RunningApp) -> None:
    async with gateway.websocket("/ws/pico") as link:
        answer = await introduce(link, BLANK)

    assert (answer["type"], answer["code"]) == ("error", "invalid")
    assert "no invisible ones" in answer["message"]
    assert (await gateway.get(f"/api/devices/{quote(BLANK)}")).status_code == 404


@pytest.mark.parametrize(
    "device", ["__proto__", "-", "--help", "..evil", "...", "a;b&c=d", "<b>", "'\"", "گل\u200cخانه", "@:,"]
)
async def test_every_id_has_a_path(gateway: RunningApp, device: str) -> None:
    async with gateway.websocket("/ws/pico") as link:
        await introduce(link, device)

        found = await gateway.get(requests.device(device).path)

    assert found.json()["id"] == device


async def test_device_of_an_earlier_version_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async with RunningApp() as gateway:
        gateway.parts.devices.remember(KnownDevice.introduced(BLANK, "pico", "", {}, 1.0))
        token = gateway.parts.access.tokens.issue("pico", "", None, BLANK).text

        await gateway.restart()

        async with gateway.websocket("/ws/pico", {"Authorization": f"Bearer {token}"}, "192.168.1.7") as link:
            answer = await introduce(link, BLANK)
        found = await gateway.get(f"/api/devices/{quote(BLANK)}")
        await wait_until_written(gateway.parts.journal)

    assert (answer["type"], answer["device"]) == ("connection_ack", BLANK)
    assert found.json()["id"] == BLANK
    assert [line for line in caplog.messages if "looks like another" in line] != []
