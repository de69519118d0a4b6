"""Boards whose program prevents the prompt return to it, with all of the maker's files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from darvaz.boards.serial import Prompt
from darvaz.boards.serial.rescue import RESCUES_MAX
from darvaz.boards.virtual import VirtualBoard
from tests.support.littlefs import put_files
from tests.support.verbs import Verb, darvaz

pytestmark = [pytest.mark.timeout(120)]
DEADLINE_S = 20.0
LOOPS = "import time\nprint('starts')\nwhile True:\n    time.sleep(0.05)\n"
SWALLOWS = """
import time
print('starts')
while True:
    try:
        while True:
            time.sleep(0.05)
    except BaseException:
        print('never')
"""
WATCHED = """
import machine, time
dog = machine.WDT(timeout=1000)
print('starts')
while True:
    try:
        dog.feed()
        time.sleep(0.05)
    except KeyboardInterrupt:
        print('hm')
"""
HUNGRY = "import machine, time\nprint('starts')\nmachine.WDT(timeout=700)\ntime.sleep(60)\n"
BOOT_LOOP = "import machine, time\nprint('starts')\ntime.sleep(0.3)\nmachine.reset()\n"
CRASH_LOOP = """
import machine, time
print('starts')
try:
    time.sleep(0.2)
    raise OSError('no Wi-Fi')
except BaseException:
    machine.reset()
"""
DEAF = """
import micropython, time
time.sleep(0.3)
micropython.kbd_intr(-1)
print('deaf')
while True:
    time.sleep(0.05)
"""
PROGRAMS = {
    "loops": LOOPS,
    "swallows": SWALLOWS,
    "watched": WATCHED,
    "hungry": HUNGRY,
    "boot_loop": BOOT_LOOP,
    "crash_loop": CRASH_LOOP,
}
MAKERS = {"/config.json": b"{}", "/lib/mine.py": b"x = 1\n", "/data/log.txt": b"kept"}


async def install(board: VirtualBoard, files: dict[str, bytes], until: str = "") -> None:
    """Puts files on a board and starts it; waits for a line that ends so."""
    board.unplug()
    assert board._image is not None
    put_files(board._image, files)
    board.lines.clear()
    board.plug_in()
    async with asyncio.timeout(DEADLINE_S):
        while until and not any(line.endswith(until) for line in board.lines):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def files_of(board: VirtualBoard) -> dict[str, bytes]:
    def get() -> dict[str, bytes]:
        with Prompt.open(board.port) as prompt:
            paths = [entry.path for entry in prompt.list_files() if not entry.is_folder]
            return {path: prompt.read_file(path) for path in paths}

    return await asyncio.to_thread(get)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
async def test_board_is_rescued_with_all_its_files(board: VirtualBoard, program: str) -> None:
    await install(board, {**MAKERS, "/main.py": program.encode()}, until="starts")

    done = await darvaz("rescue", "--port", board.port)

    assert done.code == 0, done.err
    assert "main.py is now main.py.rescued-1" in done.out
    # Longer than its watchdog would wait: the board is left without one.
    await asyncio.sleep(1.2)
    assert await files_of(board) == {**MAKERS, "/main.py.rescued-1": program.encode()}


async def test_boot_file_in_the_way_is_set_aside_too(board: VirtualBoard) -> None:
    await install(board, {**MAKERS, "/boot.py": SWALLOWS.encode(), "/main.py": b"print('main')\n"}, until="starts")

    done = await darvaz("rescue", "--port", board.port)

    assert done.code == 0, done.err
    assert set(await files_of(board)) == {*MAKERS, "/main.py.rescued-1", "/boot.py.rescued-1"}


async def test_boot_file_that_is_only_slow_stays(board: VirtualBoard) -> None:
    await install(board, {"/boot.py": b"import time\ntime.sleep(1)\n", "/main.py": LOOPS.encode()}, until="starts")

    done = await darvaz("rescue", "--port", board.port)

    assert done.code == 0, done.err
    assert set(await files_of(board)) == {"/boot.py", "/main.py.rescued-1"}


async def test_program_without_ctrl_c_is_caught_when_a_person_presses_reset(board: VirtualBoard) -> None:
    await install(board, {"/main.py": DEAF.encode()}, until="deaf")

    async with Verb("rescue", "--port", board.port, "--wait", "30") as verb:
        await verb.expect("press the board's reset button")
        board.reset()
        done = await verb.done()

    assert done.code == 0, done.err
    assert set(await files_of(board)) == {"/main.py.rescued-1"}


async def test_program_without_ctrl_c_is_caught_when_a_person_replugs_the_board(
    board: VirtualBoard, tmp_path: Path
) -> None:
    await install(board, {"/main.py": DEAF.encode()}, until="deaf")
    link = tmp_path / "board"
    link.symlink_to(board.port)

    async with Verb("rescue", "--port", str(link), "--wait", "30") as verb:
        await verb.expect("press the board's reset button")
        board.unplug()
        link.unlink()
        await asyncio.sleep(1)
        board.plug_in()
        link.symlink_to(board.port)
        done = await verb.done()

    assert done.code == 0, done.err
    assert set(await files_of(board)) == {"/main.py.rescued-1"}


async def test_program_without_ctrl_c_and_without_help_is_an_error_with_the_remedy(board: VirtualBoard) -> None:
    await install(board, {"/main.py": DEAF.encode()}, until="deaf")

    done = await darvaz("rescue", "--port", board.port, "--wait", "1")

    assert done.code == 1
    assert "darvaz firmware" in done.err.splitlines()[-1]


async def test_second_rescue_keeps_the_first_program(board: VirtualBoard) -> None:
    await install(board, {"/main.py.rescued-1": b"first", "/main.py": LOOPS.encode()}, until="starts")

    done = await darvaz("rescue", "--port", board.port)

    assert done.code == 0, done.err
    assert await files_of(board) == {"/main.py.rescued-1": b"first", "/main.py.rescued-2": LOOPS.encode()}


async def test_more_rescues_than_there_are_names_for_are_refused(board: VirtualBoard) -> None:
    names = f"for n in range(1, {RESCUES_MAX + 1}): open('/main.py.rescued-%d' % n, 'w').close()"

    def fill() -> None:
        with Prompt.open(board.port) as prompt:
            prompt.exec(names)
            prompt.write_file("/main.py", b"")

    await asyncio.to_thread(fill)

    done = await darvaz("rescue", "--port", board.port)

    assert done.code == 1
    assert "remove those you do not need" in done.err
    assert "/main.py" in await files_of(board)


async def test_board_without_a_program_is_left_as_it_is(board: VirtualBoard) -> None:
    await install(board, MAKERS)

    done = await darvaz("rescue", "--port", board.port)

    assert done.code == 0, done.err
    assert "no program that starts by itself" in done.out
    assert await files_of(board) == MAKERS


async def test_undo_gives_the_last_program_its_name_again(board: VirtualBoard) -> None:
    await install(board, {"/main.py.rescued-2": b"old", "/main.py.rescued-10": b"new"})

    done = await darvaz("rescue", "--undo", "--port", board.port)

    assert done.code == 0, done.err
    assert await files_of(board) == {"/main.py": b"new", "/main.py.rescued-2": b"old"}


async def test_undo_does_not_overwrite_a_new_program(board: VirtualBoard) -> None:
    await install(board, {"/main.py": b"new", "/main.py.rescued-1": b"old"})

    done = await darvaz("rescue", "--undo", "--port", board.port)

    assert done.code == 1
    assert await files_of(board) == {"/main.py": b"new", "/main.py.rescued-1": b"old"}


async def test_ctrl_c_ends_a_rescue_quietly(board: VirtualBoard) -> None:
    await install(board, {"/main.py": DEAF.encode()}, until="deaf")

    async with Verb("rescue", "--port", board.port) as verb:
        await verb.expect("press the board's reset button")
        verb.interrupt()
        done = await verb.done()

    assert done.code == 130
    assert "Traceback" not in done.err
    board.reset()
    assert set(await files_of(board)) == {"/main.py"}
