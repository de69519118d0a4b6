"""A flash that is interrupted at any moment: the board goes on with a working program, and the next flash completes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darvaz.boards.flashing.firmware_files import read_deployed
from darvaz.boards.serial import Prompt
from darvaz.boards.virtual import VirtualBoard
from tests.support.examples import some
from tests.support.flashing import MAIN, Person, is_whole, read_board
from tests.support.littlefs import firmware_of, put_files

pytestmark = [pytest.mark.timeout(180)]
DEADLINE_S = 40.0
# The tool waits 15 s for a board that lost its power in the middle of a step: here it waits less.
IMPATIENT = """
from darvaz.boards.serial import files
files.Files._run.__defaults__ = (5.0,)
files._FILE_DEADLINE_S = 5.0
from darvaz.__main__ import main
main()
"""
OLDER = b"\n# of an older version\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "flash.img"


@pytest.fixture
async def board(tmp_path: Path, image: Path) -> AsyncIterator[VirtualBoard]:
    """A board that has our files, and no settings."""
    put_files(image, firmware_of("pico"))
    async with VirtualBoard("pico", tmp_path / "flash", image=image) as running:
        yield running


@pytest.fixture
async def empty_board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard("pico", tmp_path / "empty", image=tmp_path / "empty.img") as running:
        yield running


def unplug_at_block_write(board: VirtualBoard, number: int) -> None:
    """Unplugs a board in the middle of a write to the flash; number 0 is the next one."""
    restart = board.hardware.restart

    def unplug(cause: str) -> None:
        if cause == "power_cut":
            board.hardware.restart = restart
            asyncio.get_running_loop().call_soon(board.unplug)
        else:
            restart(cause)

    board.hardware.restart = unplug
    board.cut_power_at_block_write(number)


async def make_older(board: VirtualBoard, image: Path) -> None:
    """Gives a flashed board an older version of our files, and leaves it at its prompt."""
    board.unplug()
    put_files(image, firmware_of("pico", OLDER))
    board.plug_in()
    await asyncio.to_thread(lambda: Prompt.open(board.port).close())


async def comes_online(person: Person, device: str, boot_id: str | None) -> None:
    """Waits for a start of the device that is not that one."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = await asyncio.to_thread(person.gateway.get, f"/api/devices/{device}")
            if answer.json().get("online") and answer.json().get("boot_id") != boot_id:
                return
            await asyncio.sleep(0.1)


async def boot_id_of(person: Person, device: str) -> str | None:
    answer = await asyncio.to_thread(person.gateway.get, f"/api/devices/{device}")
    boot_id: str | None = answer.json().get("boot_id")
    return boot_id


@pytest.mark.parametrize("number", some([1, 3, 30, 90, 150]))
async def test_board_unplugged_during_an_update_works_and_the_next_flash_completes(
    board: VirtualBoard, image: Path, person: Person, number: int
) -> None:
    assert (await person.flash(board, "--device", f"unplugged-{number}")).code == 0
    await make_older(board, image)
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


@pytest.mark.parametrize("number", some([0, 7, 50, 110, 170]))
async def test_power_cut_during_an_update_leaves_a_working_board(
    board: VirtualBoard, image: Path, person: Person, number: int
) -> None:
    assert (await person.flash(board, "--device", f"cut-{number}")).code == 0
    await make_older(board, image)
    boot_id = await boot_id_of(person, f"cut-{number}")
    board.cut_power_at_block_write(number)

    done = await person.flash(board, program=("-c", IMPATIENT))

    assert done.code == 1, done.err
    assert done.err.strip().splitlines()[-1].startswith("Error: the board at ")
    await comes_online(person, f"cut-{number}", boot_id)
    again = await person.flash(board)
    assert again.code == 0, again.err
    assert is_whole(await read_board(board))


async def test_first_flash_that_was_cut_is_completed_by_the_next(empty_board: VirtualBoard, person: Person) -> None:
    empty_board.cut_power_at_block_write(60)

    done = await person.flash(empty_board, "--device", "first", program=("-c", IMPATIENT))
    again = await person.flash(empty_board, "--device", "first")

    assert done.code == 1 and again.code == 0, again.err
    assert is_whole(await read_board(empty_board))
    assert len(person.live_tokens("first")) == 1


async def test_files_that_arrived_are_not_copied_again(empty_board: VirtualBoard, person: Person) -> None:
    empty_board.cut_power_at_block_write(140)
    await person.flash(empty_board, program=("-c", IMPATIENT))

    again = await person.flash(empty_board)

    copied = int(again.err.partition("copying ")[2].partition(" ")[0])
    assert again.code == 0, again.err
    assert 0 < copied < len(read_deployed("pico").files)


@pytest.mark.parametrize("stage", ["MicroPython", "copying", "restarted"])
async def test_ctrl_c_ends_the_tool_and_the_board_works(
    board: VirtualBoard, image: Path, person: Person, stage: str
) -> None:
    device = f"interrupted-{stage.lower()}-{secrets.token_hex(2)}"
    assert (await person.flash(board, "--device", device)).code == 0
    await make_older(board, image)
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


async def test_board_unplugged_while_it_is_awaited_is_reported_as_gone(board: VirtualBoard, person: Person) -> None:
    async with person.begin(board, "--device", "awaited") as running:
        await running.expect("restarted")
        board.unplug()
        done = await running.done()

    assert done.code == 1, done.err
    assert "is gone" in done.err
    board.plug_in()
    await comes_online(person, "awaited", None)


async def test_missing_board_is_reported(person: Person, board: VirtualBoard) -> None:
    port = board.port
    board.unplug()
    async with person.begin(board) as running:
        done = await running.done()
    assert done.code == 1
    assert "no board is attached" in done.err or port in done.err
