"""What every board does, whatever its program: logs, errors, resets, and its prompt."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from darvaz.testing import AsyncBoard, Board, CommandFailed, ExecFailed

# One board for all of them.
pytestmark = pytest.mark.xdist_group("hil")
# Runs the board's program again, with a command that fails, and ends it soon after.
FAULTY = """
import asyncio

@device.command
def fail():
    asyncio.create_task(end())
    return 1 / 0

async def end():
    await asyncio.sleep(2)
    raise KeyboardInterrupt

device.run()
"""
DEADLINE_S = 60.0
# What a program finds in `machine`: the numbers of its names, and what its port says of buses that it does not have.
MACHINE = """
from machine import *

def refused(make):
    try:
        return make()
    except ValueError as error:
        return str(error)

print([Pin.IN, Pin.OUT, Pin.OPEN_DRAIN, Pin.PULL_UP, Pin.PULL_DOWN, Pin.IRQ_RISING, Pin.IRQ_FALLING])
print([SPI.MSB, SPI.LSB, UART.INV_TX, UART.INV_RX, UART.IRQ_RXIDLE])
print(*(refused(lambda: bus(9)) for bus in (I2C, SPI, UART)), sep=' | ')
state = disable_irq()
enable_irq(state)
print(Pin(15) is Pin(15), isinstance(state, int))
print([name for name in ('start', 'readfrom_mem_into', 'writevto') if not hasattr(SoftI2C(Pin(14), Pin(13)), name)])
"""
PICO = """
import neopixel, dht, onewire, ds18x20
lights = neopixel.NeoPixel(Pin(16), 2)
lights[1] = (1, 2, 3)
print(lights.buf, lights[1], lights.ORDER)
print(I2C(0, scl=Pin(5), sda=Pin(4)) is not None, refused(lambda: I2C(0, scl=Pin(4), sda=Pin(5))))
print(refused(lambda: SPI(0, sck=Pin(19))), '|', refused(lambda: UART(0, tx=Pin(4))), '|', refused(lambda: Pin(30)))
print(Pin('GP15') is Pin(15), Pin.board.GP15 is Pin(15), Pin.cpu.GPIO15 is Pin(15))
"""
MACHINE_PRINTS = {
    "pico": [
        "[0, 1, 2, 1, 2, 8, 4]",
        "[1, 0, 1, 2, 64]",
        "I2C(9) doesn't exist | SPI(9) doesn't exist | UART(9) doesn't exist",
        "True True",
        "[]",
        r"bytearray(b'\x00\x00\x00\x02\x01\x03') (1, 2, 3) (1, 0, 2, 3)",
        "True bad SCL pin",
        "bad SCK pin | bad TX pin | invalid pin",
        "True True True",
    ],
    "esp32cam": [
        "[1, 3, 7, 2, 1, 1, 2]",
        "[0, 1, 32, 4, 4096]",
        "I2C(9) doesn't exist | SPI(9) doesn't exist | UART(9) does not exist",
        "True True",
        "[]",
    ],
}


def test_board_identifies_itself(board: Board) -> None:
    info = board.command("info")

    assert info["device"] == board.id
    assert info["heap_free_bytes"] > 20_000


def test_program_finds_the_buses_and_pins_of_its_port(board: Board) -> None:
    printed = board.exec(MACHINE + (PICO if board.kind == "pico" else ""), timeout_s=DEADLINE_S)

    assert printed.splitlines() == MACHINE_PRINTS[board.kind]


def test_command_that_there_is_not_is_refused(board: Board) -> None:
    with pytest.raises(CommandFailed, match="fly"):
        board.command("fly")


async def test_error_in_a_program_is_answered_and_its_traceback_logged(async_board: AsyncBoard) -> None:
    await async_board.exec("pass")

    faulty = asyncio.create_task(async_board.exec(FAULTY, timeout_s=DEADLINE_S))
    give_up = time.monotonic() + DEADLINE_S
    while "fail" not in (about := await async_board.about())["commands"] or not about["online"]:
        assert time.monotonic() < give_up
        assert not faulty.done(), faulty.exception()
        await asyncio.sleep(0.05)

    with pytest.raises(CommandFailed, match="ZeroDivisionError"):
        # Not by the board's own word for it, which starts its real program first.
        await asyncio.to_thread(async_board.gateway.command, async_board.id, "fail", {})

    with contextlib.suppress(ExecFailed):
        await faulty
    assert "in fail" in await async_board.expect_log("command fail failed\nTraceback")


def test_reset_board_comes_back_and_obeys(board: Board) -> None:
    board.reset()

    board.expect_log("gateway: online as")
    assert board.command("info")["device"] == board.id


def test_board_whose_power_was_cut_comes_back_and_obeys(board: Board) -> None:
    board.power_cycle()

    board.expect_log("gateway: online as")
    assert board.command("info")["reset_cause"] == "power_on"


def test_board_comes_back_after_a_reboot_command(board: Board) -> None:
    before = board.about()["boot_id"]

    board.command("reboot")
    board.expect_log("gateway: online as", timeout_s=60)

    assert board.about()["boot_id"] != before


def test_code_runs_at_the_prompt_and_the_program_starts_again(board: Board) -> None:
    assert board.exec("x = 6 * 7\nprint(x)") == "42\n"
    assert board.exec("print(x + 1)") == "43\n"

    assert board.command("info")["device"] == board.id


def test_code_that_fails_comes_back_with_its_traceback(board: Board) -> None:
    with pytest.raises(ExecFailed, match="ZeroDivisionError"):
        board.exec("1 / 0")


async def test_commands_side_by_side_are_all_answered(async_board: AsyncBoard) -> None:
    answers = await asyncio.gather(*(async_board.command("info") for _ in range(4)))

    assert [answer["device"] for answer in answers] == [async_board.id] * 4
