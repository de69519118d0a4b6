"""What modules of this folder share: a gateway each, an empty board, and a person who flashes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from darvaz.boards.virtual import VirtualBoard
from tests.support.flashing import Person
from tests.support.gateway import GatewayProcess


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    """A board without files, whose file system is littlefs."""
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as running:
        yield running


@pytest.fixture
def person(tmp_path: Path, gateway: GatewayProcess) -> Person:
    return Person(tmp_path / "home", gateway)
