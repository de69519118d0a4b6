"""`darvaz flash` encrypts the link with the token where board and gateway can, and says which link it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.boards.virtual import VirtualBoard
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
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as board:
        done = await person.flash(board, "--device", "porch", "--wait", "60")
        config = await config_of(board)

    assert done.code == 0, done.out + done.err
    assert "its link is encrypted" in done.err
    assert config["psk"] is True and config["gateways"][0].startswith("wss://")
    assert str(config["token"]) not in done.out + done.err
