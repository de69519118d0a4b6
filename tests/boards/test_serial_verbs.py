"""The verbs for a board on USB: what they print, their exit status, and the board afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darvaz.boards.serial import Prompt
from darvaz.boards.virtual import VirtualBoard
from tests.support.verbs import Verb, darvaz

pytestmark = [pytest.mark.timeout(90)]
DEADLINE_S = 20.0
TICKS = "import time\nprint('main starts')\nwhile True:\n    print('tick')\n    time.sleep(0.1)\n"


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as running:
        await install(running, {"/main.py": TICKS.encode(), "/lib/a.py": b"12345"})
        yield running


async def install(board: VirtualBoard, files: dict[str, bytes]) -> None:
    def put() -> None:
        with Prompt.open(board.port) as prompt:
            for path, data in files.items():
                prompt.write_file(path, data)
            prompt.hard_reset()

    await asyncio.to_thread(put)
    await starts(board)


async def starts(board: VirtualBoard) -> None:
    """Waits for the next output of the program."""
    board.lines.clear()
    async with asyncio.timeout(DEADLINE_S):
        while "tick" not in board.lines:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_ls_lists_files_and_the_program_goes_on(board: VirtualBoard) -> None:
    done = await darvaz("ls", "--port", board.port)

    assert done.code == 0, done.err
    assert done.out.split() == ["/lib/", "5", "/lib/a.py", str(len(TICKS)), "/main.py"]
    assert "bytes are free" in done.err
    await starts(board)


async def test_ctrl_c_while_it_lists_lets_the_program_go_on(board: VirtualBoard) -> None:
    def fill() -> None:
        with Prompt.open(board.port) as prompt:
            prompt.exec("for n in range(300): open('/lib/%d' % n, 'w').close()", 60)
            prompt.hard_reset()

    await asyncio.to_thread(fill)
    await starts(board)

    async with Verb("ls", "--port", board.port) as verb:
        async with asyncio.timeout(DEADLINE_S):
            while not any("soft reboot" in line for line in board.lines):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        verb.interrupt()
        done = await verb.done()

    assert done.code == 130, done.out
    assert "Traceback" not in done.err
    await starts(board)


async def test_ls_of_a_missing_folder_is_an_error(board: VirtualBoard) -> None:
    done = await darvaz("ls", "nowhere", "--port", board.port)

    assert done.code == 1
    assert done.err.startswith("Error: there is no such file on the board")


async def test_reset_starts_the_program_again(board: VirtualBoard) -> None:
    board.lines.clear()

    done = await darvaz("reset", "--port", board.port)

    assert done.code == 0, done.err
    await starts(board)


async def test_monitor_shows_the_output_of_the_board_and_does_not_stop_it(board: VirtualBoard) -> None:
    done = await darvaz("monitor", "--port", board.port, "--for", "1")

    assert done.code == 0, done.err
    assert done.out.count("tick\n") >= 3
    assert "main starts" not in done.out
    await starts(board)


async def test_monitor_with_reset_shows_the_start(board: VirtualBoard) -> None:
    as_json = await darvaz("monitor", "--port", board.port, "--for", "1", "--json")
    done = await darvaz("monitor", "--port", board.port, "--reset", "--times", "--for", "2")

    assert done.code == 0, done.err
    assert "tick" in {json.loads(line)["line"] for line in as_json.out.splitlines()}
    assert ":" in done.out.splitlines()[0][:3]
    assert "main starts" in done.out


async def test_ctrl_c_ends_the_monitor_quietly(board: VirtualBoard) -> None:
    async with Verb("monitor", "--port", board.port) as verb:
        await verb.expect("tick")
        verb.interrupt()
        done = await verb.done()

    assert done.code == 130
    assert "Traceback" not in done.err
    await starts(board)


async def test_erase_lists_what_it_would_remove_and_removes_nothing(board: VirtualBoard) -> None:
    done = await darvaz("erase", "--port", board.port)
    as_json = await darvaz("erase", "--json", "--port", board.port)
    listed = await darvaz("ls", "--json", "--port", board.port)

    assert done.code == as_json.code == 2
    assert done.out.splitlines() == ["would remove /lib/", "would remove /main.py"]
    assert json.loads(as_json.out) == {"paths": ["/lib", "/main.py"], "removed": False}
    assert [file["path"] for file in json.loads(listed.out)["files"]] == ["/lib", "/lib/a.py", "/main.py"]
    assert "CONFIRM=yes" in done.err
    await starts(board)


async def test_erase_removes_all_once_confirmed(board: VirtualBoard) -> None:
    done = await darvaz("erase", "--port", board.port, "--confirm")

    assert done.code == 0, done.err
    assert done.out.splitlines()[:2] == ["removed /lib/", "removed /main.py"]
    assert "/" not in (await darvaz("ls", "--port", board.port)).out


@pytest.mark.parametrize("verb", ["rescue", "ls", "reset", "monitor", "erase"])
async def test_missing_port_is_one_sentence(verb: str) -> None:
    more = ["--wait", "0"] if verb == "rescue" else []

    done = await darvaz(verb, "--port", "/dev/ttyNONE", *more)

    assert done.code == 1
    assert "there is no serial port /dev/ttyNONE" in done.err.splitlines()[-1]


@pytest.mark.parametrize("verb", ["rescue", "repl", "ls", "reset", "monitor", "erase"])
async def test_every_verb_has_help(verb: str) -> None:
    done = await darvaz(verb, "--help")

    assert done.code == 0
    assert "--port" in done.out


async def test_repl_without_a_terminal_is_refused() -> None:
    done = await darvaz("repl")

    assert done.code == 2
    assert "mpremote" in done.err


class Typist:
    """A person at a terminal, with what it shows in `shown`."""

    def __init__(self) -> None:
        self.near, self.far = pty.openpty()
        self.shown = b""
        asyncio.get_running_loop().add_reader(self.near, self._read)

    def _read(self) -> None:
        self.shown += os.read(self.near, 65536)

    def type(self, data: bytes) -> None:
        os.write(self.near, data)

    async def sees(self, words: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while words not in self.shown:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.near)
        os.close(self.near)
        os.close(self.far)


@pytest.fixture
async def typist() -> AsyncIterator[Typist]:
    person = Typist()
    yield person
    person.close()


async def repl(board: VirtualBoard, typist: Typist) -> asyncio.subprocess.Process:
    words = [sys.executable, "-m", "darvaz", "repl", "--port", board.port]
    far = typist.far
    process = await asyncio.create_subprocess_exec(*words, stdin=far, stdout=far, stderr=far)
    await typist.sees(b">>> ")
    return process


async def test_person_types_at_the_prompt_and_leaves(board: VirtualBoard, typist: Typist) -> None:
    process = await repl(board, typist)

    typist.type(b"print(6 * 7)\r")
    await typist.sees(b"\n42")
    typist.type(b"\x1d")

    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == 0


async def test_ctrl_c_and_ctrl_d_go_to_the_board(board: VirtualBoard, typist: Typist) -> None:
    process = await repl(board, typist)

    typist.type(b"import time\rtime.sleep(30)\r")
    await typist.sees(b"sleep(30)")
    typist.type(b"\x03")
    await typist.sees(b"KeyboardInterrupt")
    typist.type(b"\x04")
    await typist.sees(b"main starts")

    typist.type(b"\x1d")
    async with asyncio.timeout(DEADLINE_S):
        await process.wait()
    await starts(board)


async def test_board_unplugged_at_the_prompt_is_reported(board: VirtualBoard, typist: Typist) -> None:
    process = await repl(board, typist)

    board.unplug()

    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == 1
    await typist.sees(b"plug it in again")
