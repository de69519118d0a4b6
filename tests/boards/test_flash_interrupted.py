"""A flash that is interrupted at any moment: the board goes on with a working program, and the next flash completes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from darvaz.boards.flashing.firmware_files import digest, read_sources
from darvaz.boards.flashing.manifest import PATH as MANIFEST
from darvaz.boards.virtual import VirtualBoard
from tests.support.flashing import MAIN, Person, is_whole, read_board, write_board
from tests.support.gateway import GatewayProcess

pytestmark = [pytest.mark.timeout(180)]
DEADLINE_S = 40.0
OLDER = b"\n# of an older version\n"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def person(tmp_path: Path, gateway: GatewayProcess) -> Person:
    return Person(tmp_path / "home", gateway)


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as running:
        yield running


def unplug_at_block_write(board: VirtualBoard, number: int) -> None:
    """Pulls the plug in the middle of the so-many-th write to the flash from now on."""
    restart = board.hardware.restart

    def unplug(cause: str) -> None:
        if cause == "power_cut":
            board.hardware.restart = restart
            asyncio.get_running_loop().call_soon(board.unplug)
        else:
            restart(cause)

    board.hardware.restart = unplug
    board.cut_power_at_block_write(number)


async def age(board: VirtualBoard) -> None:
    """Makes a flashed board one with an older version, that works and is known as ours."""
    older = {path: data + OLDER for path, data in read_sources("pico").items()}
    manifest = {"form": 1, "files": {path: [digest(data)] for path, data in older.items()}}
    await write_board(board, {**older, MANIFEST: json.dumps(manifest).encode()}, starts=False)


async def comes_online(person: Person, device: str, boot_id: str | None) -> None:
    """Waits for a start of the device that is not that one."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            said = await asyncio.to_thread(person.gateway.get, f"/api/devices/{device}")
            if said.json().get("online") and said.json().get("boot_id") != boot_id:
                return
            await asyncio.sleep(0.1)


async def boot_id_of(person: Person, device: str) -> str | None:
    said = await asyncio.to_thread(person.gateway.get, f"/api/devices/{device}")
    boot_id: str | None = said.json().get("boot_id")
    return boot_id


@pytest.mark.parametrize("number", [1, 3, 30, 90, 150])
async def test_board_unplugged_during_an_update_works_and_the_next_flash_completes(
    board: VirtualBoard, person: Person, number: int
) -> None:
    assert (await person.flash(board, "--device", f"unplugged-{number}")).code == 0
    await age(board)
    boot_id = await boot_id_of(person, f"unplugged-{number}")
    unplug_at_block_write(board, number)

    done = await person.flash(board)

    assert done.code == 1, done.err
    assert "is gone: plug it in again" in done.err
    board.plug_in()
    await comes_online(person, f"unplugged-{number}", boot_id)
    assert MAIN in await read_board(board)
    again = await person.flash(board)
    assert again.code == 0, again.err
    assert is_whole(await read_board(board))
    assert len(person.live_tokens(f"unplugged-{number}")) == 1


@pytest.mark.parametrize("number", [0, 7, 50, 110, 170])
async def test_power_cut_during_an_update_leaves_a_working_board(
    board: VirtualBoard, person: Person, number: int
) -> None:
    assert (await person.flash(board, "--device", f"cut-{number}")).code == 0
    await age(board)
    boot_id = await boot_id_of(person, f"cut-{number}")
    board.cut_power_at_block_write(number)

    done = await person.flash(board)

    assert done.code == 1, done.err
    assert done.err.strip().splitlines()[-1].startswith("Error: the board at ")
    await comes_online(person, f"cut-{number}", boot_id)
    again = await person.flash(board)
    assert again.code == 0, again.err
    assert is_whole(await read_board(board))


async def test_first_flash_that_was_cut_is_completed_by_the_next(board: VirtualBoard, person: Person) -> None:
    board.cut_power_at_block_write(60)

    done = await person.flash(board, "--device", "first")
    again = await person.flash(board, "--device", "first")

    assert done.code == 1 and again.code == 0, again.err
    assert is_whole(await read_board(board))
    assert len(person.live_tokens("first")) == 1


async def test_files_that_arrived_are_not_copied_again(board: VirtualBoard, person: Person) -> None:
    board.cut_power_at_block_write(60)
    await person.flash(board)

    again = await person.flash(board)

    copied = int(again.err.partition("copying ")[2].partition(" ")[0])
    assert again.code == 0, again.err
    assert 0 < copied < len(read_sources("pico"))


@pytest.mark.parametrize("stage", ["MicroPython", "copying", "restarted"])
async def test_ctrl_c_ends_the_tool_and_the_board_works(board: VirtualBoard, person: Person, stage: str) -> None:
    device = f"interrupted-{stage.lower()}"
    assert (await person.flash(board, "--device", device)).code == 0
    await age(board)
    boot_id = await boot_id_of(person, device)

    async with person.begin(board) as running:
        await running.expect(stage)
        running.interrupt()
        done = await running.done()

    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    await comes_online(person, device, boot_id)
    again = await person.flash(board)
    assert again.code == 0, again.err
    assert is_whole(await read_board(board))
    assert len(person.live_tokens(device)) == 1


async def test_board_unplugged_while_it_is_awaited_is_said_to_be_gone(board: VirtualBoard, person: Person) -> None:
    async with person.begin(board, "--device", "awaited") as running:
        await running.expect("restarted")
        board.unplug()
        done = await running.done()

    assert done.code == 1, done.err
    assert "is gone" in done.err
    board.plug_in()
    await comes_online(person, "awaited", None)


async def test_board_that_is_not_there_is_said_to_be_missing(person: Person, board: VirtualBoard) -> None:
    port = board.port
    board.unplug()
    async with person.begin(board) as running:
        done = await running.done()
    assert done.code == 1
    assert "no board is attached" in done.err or port in done.err
