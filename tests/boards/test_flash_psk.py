"""`darvaz flash` encrypts the link with the token where board and gateway can, and says which link it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from darvaz.boards.virtual import VirtualBoard
from tests.support import journalled
from tests.support.capture import Capture
from tests.support.flashing import Person, config_of
from tests.support.gateway import GatewayProcess
from tests.support.littlefs import firmware_of, put_files
from tests.support.newer_python import NewerGateway

pytestmark = [pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with NewerGateway() as running:
        yield running


async def test_a_flash_encrypts_the_link_where_both_ends_can(
    tmp_path: Path, person: Person, gateway: GatewayProcess
) -> None:
    put_files(tmp_path / "flash.img", firmware_of("pico"))
    with Capture(gateway.port) as capture:
        async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as board:
            done = await person.flash(board, "--device", "porch", "--wait", "60")
            await asyncio.to_thread(journalled.wait_for_line, gateway.data, device="porch", type="telemetry")
            pan = await asyncio.to_thread(gateway.post, "/api/devices/porch/commands/pan", json={"angle": 77})
            config = await config_of(board)

    assert done.code == 0, done.out + done.err
    assert pan.json()["result"]["angle"] == 77
    # The board has the address that others use; this machine's programs use loopback, in the clear.
    of_board = capture.payload_of(urlsplit(config["gateways"][0]).hostname or "")
    assert len(of_board) > 2000 and b"temperature" in capture.payload_of("127.0.0.1")
    for text in (config["token"], config["token"].split("_", 2)[2], "porch", '"angle"', "temperature", "GET /ws"):
        assert text.encode() not in of_board, text
    assert "its link is encrypted" in done.err
    assert config["psk"] is True and config["gateways"][0].startswith("wss://")
    assert str(config["token"]) not in done.out + done.err
