"""The prompt of a board, as `darvaz` uses it: reached whatever the program does, and left as it was."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from mpremote.transport_serial import SerialTransport

from darvaz.boards.serial import Port, Prompt, Reason, identify, transport
from darvaz.boards.serial.prompt import LINE_BYTES_MAX
from darvaz.boards.serial.serial_port import SerialPort
from darvaz.boards.serial.transport import Transport
from darvaz.boards.virtual import VirtualBoard
from tests.support.at_prompt import at_prompt, refusal
from tests.support.mpremote import mpremote
from tests.support.reset_lines import ProgrammerPort

pytestmark = [pytest.mark.timeout(90)]
LOOPS = "import time\nprint('main runs')\nwhile True:\n    time.sleep(0.05)\n"
SWALLOWS = """
import time
print('main runs')
while True:
    try:
        while True:
            time.sleep(0.05)
    except KeyboardInterrupt:
        print('never')
"""
DEAF = "import micropython, time\nmicropython.kbd_intr(-1)\nprint('deaf')\nwhile True:\n    time.sleep(0.05)\n"
PRINTS = "while True:\n    print('x' * 100)\n"
SLOW_START = "import time\ntime.sleep(0.3)\n"
FIRST_WORDS = ("main runs", "deaf", "xxx")


async def install(board: VirtualBoard, program: str, name: str = "/main.py") -> None:
    """Starts a program and waits for its first line."""

    def put(prompt: Prompt) -> None:
        prompt.write_file(name, program.encode())
        prompt.soft_reset()
        for line in prompt.read_serial_lines(30):
            if any(word in line for word in FIRST_WORDS):
                break

    await at_prompt(board, put)


# mpremote


def test_transport_has_what_mpremotes_own_has() -> None:
    # Our transport does without its constructor: what a newer release adds there must be added here.
    near, far = os.openpty()
    own = SerialTransport(os.ttyname(far))
    serial_port = SerialPort()

    ours = Transport(Port(os.ttyname(far)), serial_port)

    own.serial.close()
    os.close(near)
    os.close(far)
    assert vars(own).keys() <= vars(ours).keys()


# Ways in


@pytest.mark.parametrize("program", [LOOPS, SWALLOWS, PRINTS], ids=["loops", "swallows", "prints"])
async def test_program_is_interrupted(board: VirtualBoard, program: str) -> None:
    await install(board, program)

    def work(prompt: Prompt) -> tuple[str, bool]:
        return prompt.exec("print(6 * 7)").strip(), prompt.was_running

    assert await at_prompt(board, work) == ("42", True)


async def test_idle_board_is_not_reported_as_running(board: VirtualBoard) -> None:
    await at_prompt(board, lambda prompt: None)

    assert await at_prompt(board, lambda prompt: prompt.was_running) is False


async def test_board_left_in_the_middle_of_a_line_is_reached(board: VirtualBoard) -> None:
    board.type(b"x = [1,\r\n 2, ")

    assert (await at_prompt(board, lambda prompt: prompt.exec("print(1)"))).strip() == "1"


async def test_board_left_in_the_raw_prompt_is_reached(board: VirtualBoard) -> None:
    await mpremote(board.port, "resume", "exec", "--no-follow", "import time\nwhile True: time.sleep(0.05)")

    assert (await at_prompt(board, lambda prompt: prompt.exec("print(1)"))).strip() == "1"


async def test_boot_file_that_loops_is_interrupted(board: VirtualBoard) -> None:
    await install(board, LOOPS, "/boot.py")

    assert (await at_prompt(board, lambda prompt: prompt.exec("print(1)"))).strip() == "1"


async def test_program_without_ctrl_c_is_reported(board: VirtualBoard) -> None:
    await install(board, DEAF)

    error = await refusal(board, lambda prompt: None)

    assert error.reason is Reason.NO_PROMPT
    assert "darvaz rescue" in str(error)


async def test_board_is_usable_by_mpremote_afterwards(board: VirtualBoard) -> None:
    await at_prompt(board, lambda prompt: prompt.exec("x = 41"))

    assert (await mpremote(board.port, "resume", "eval", "x + 1")).output.strip() == "42"


# The lines of programmers


@pytest.fixture
async def programmer(board: VirtualBoard) -> AsyncIterator[type[ProgrammerPort]]:
    loop = asyncio.get_running_loop()
    ProgrammerPort.restart = staticmethod(lambda: loop.call_soon_threadsafe(board.reset))
    ProgrammerPort.seen = []
    yield ProgrammerPort
    ProgrammerPort.is_direct = True


@pytest.mark.parametrize(
    ("is_direct", "seen"), [(True, ["held", "started"]), (False, [])], ids=["direct", "transistors"]
)
async def test_opening_never_leaves_a_chip_held_or_downloading(
    board: VirtualBoard, programmer: type[ProgrammerPort], is_direct: bool, seen: list[str]
) -> None:
    programmer.is_direct = is_direct

    await at_prompt(board, lambda prompt: prompt.exec("pass"), make=programmer)

    assert programmer.seen == seen


async def test_program_without_ctrl_c_is_caught_after_a_reset_through_the_lines(
    board: VirtualBoard, programmer: type[ProgrammerPort]
) -> None:
    programmer.is_direct = False
    await install(board, SLOW_START + DEAF)

    output = await at_prompt(board, lambda prompt: prompt.exec("print(1)"), make=programmer)

    assert output.strip() == "1"
    assert programmer.seen == ["held", "started"]


# Code


async def test_value_with_characters_of_all_kinds_comes_back(board: VirtualBoard) -> None:
    text = "سلام 'x' \"y\" \\ \n 🎥"

    assert await at_prompt(board, lambda prompt: prompt.exec_json(repr(text), msgspec.json.Decoder(str))) == text


async def test_traceback_of_the_board_is_kept(board: VirtualBoard) -> None:
    error = await refusal(board, lambda prompt: prompt.exec("1/0"))

    assert error.reason is Reason.CODE_FAILED
    assert "ZeroDivisionError" in str(error)
    assert "Traceback" in error.traceback


async def test_code_that_does_not_end_is_given_up(board: VirtualBoard) -> None:
    error = await refusal(board, lambda prompt: prompt.exec("while True: pass", deadline_s=0.5))

    assert error.reason is Reason.SILENT
    assert (await at_prompt(board, lambda prompt: prompt.exec("print(1)"))).strip() == "1"


async def test_code_that_prints_without_end_is_stopped(board: VirtualBoard) -> None:
    assert (await refusal(board, lambda prompt: prompt.exec(PRINTS, deadline_s=0.5))).reason is Reason.DAMAGED


async def test_more_output_than_is_kept_is_given_up(board: VirtualBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "OUTPUT_BYTES_MAX", 1000)

    def work(prompt: Prompt) -> str:
        return prompt.exec("print('x' * 900)")

    assert len(await at_prompt(board, work)) == 901
    assert (await refusal(board, lambda prompt: prompt.exec("print('x' * 1000)"))).reason is Reason.DAMAGED


async def test_board_that_is_unplugged_is_reported_as_gone(board: VirtualBoard) -> None:
    loop = asyncio.get_running_loop()

    def work(prompt: Prompt) -> None:
        loop.call_soon_threadsafe(board.unplug)
        prompt.exec("import time\ntime.sleep(5)")

    error = await refusal(board, work)

    assert error.reason is Reason.GONE
    assert "plug it in again" in str(error)


# Its identity and its output


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
async def test_board_identifies_itself(kind: str, tmp_path: Path) -> None:
    async with VirtualBoard(kind, tmp_path / "flash", image=tmp_path / "image") as board:
        board.hardware.version = (1, 22, 1)
        board.reset()

        known = await at_prompt(board, identify)

        assert (known.kind, known.has_camera, known.filesystem) == (kind, kind == "esp32cam", "littlefs")
        assert known.unique_id == board.hardware.unique_id
        assert (known.version, known.version_text) == ((1, 22, 1), "1.22.1")
        assert 0 < known.free_bytes < known.size_bytes


async def test_line_longer_than_is_kept_comes_in_pieces(board: VirtualBoard) -> None:
    def work(prompt: Prompt) -> list[str]:
        prompt.write_file("/main.py", f"print('x' * {LINE_BYTES_MAX * 2})\nprint('end')\n".encode())
        prompt.soft_reset()
        return list(prompt.read_serial_lines(1.0))

    lines = await at_prompt(board, work)
    assert sum(line.count("x") for line in lines) >= LINE_BYTES_MAX * 2
    assert "end" in lines


@pytest.mark.parametrize("how", ["soft_reset", "hard_reset"])
async def test_output_of_a_program_is_read_after_a_reset(board: VirtualBoard, how: str) -> None:
    def work(prompt: Prompt) -> list[str]:
        prompt.write_file("/main.py", b"print('\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85')\n")
        getattr(prompt, how)()
        return list(prompt.read_serial_lines(1.0))

    assert any("سلام" in line for line in await at_prompt(board, work))
