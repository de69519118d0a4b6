"""I2C, SPI and UART of a virtual board, with parts that a test has put there, on both kinds of board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.parts import Registers
from darvaz.boards.parts.wired import TRANSFER_BYTES_MAX
from darvaz.boards.serial import SerialError
from darvaz.boards.virtual import VirtualBoard
from tests.support.board_code import board, pico, run

__all__ = ["board", "pico"]
pytestmark = [pytest.mark.timeout(90)]


# I2C


async def test_registers_of_a_part_are_read_and_written(board: VirtualBoard) -> None:
    part = board.hardware.i2c[0x76] = Registers({0xD0: 0x60, 0xF7: b"\x01\x02\x03", 0xF4: 0})

    lines = await run(
        board,
        "from machine import I2C\n"
        "bus, buf = I2C(1), bytearray(3)\n"
        "bus.writeto_mem(0x76, 0xf4, b'\\x27')\n"
        "bus.readfrom_mem_into(0x76, 0xf7, buf)\n"
        "print(bus.scan(), bus.readfrom_mem(0x76, 0xd0, 1), buf)\n"
        "print(bus.writeto(0x76, b'\\xd0'), bus.readfrom(0x76, 1))\n"
        "print(bus.writevto(0x76, [b'\\xf4', b'\\x28']), isinstance(bus, I2C))\n",
    )

    assert lines == [r"[118] b'`' bytearray(b'\x01\x02\x03')", "1 b'`'", "2 True"]
    assert list(part.writes) == [(0xF4, b"\x27"), (0xF4, b"\x28")]


async def test_array_of_larger_numbers_is_filled(board: VirtualBoard) -> None:
    board.hardware.i2c[0x6A] = Registers({0x28: b"\x01\x00\xff\xff\x00\x80"})
    board.hardware.spi[1] = b"\x02\x00\x03\x00"

    lines = await run(
        board,
        "from machine import I2C, SPI\nfrom array import array\nnumbers = array('h', [0, 0, 0])\n"
        "I2C(1).readfrom_mem_into(0x6a, 0x28, memoryview(numbers))\nprint(numbers)\n"
        "numbers = array('H', [0, 0])\nSPI(1).readinto(numbers)\nprint(numbers)\n"
        "print(I2C(1).writeto(0x6a, array('H', [0x28])))\n",
    )

    assert lines == ["array('h', [1, -1, -32768])", "array('H', [2, 3])", "2"]


@pytest.mark.parametrize(("bus", "pico_errno"), [("I2C(0)", 5), ("SoftI2C(Pin(5), Pin(4))", 19)])
async def test_address_without_a_part_gives_the_error_of_the_port(
    board: VirtualBoard, bus: str, pico_errno: int
) -> None:
    code = f"from machine import *\ntry:\n    {bus}.readfrom(0x50, 1)\nexcept OSError as e:\n    print(e.errno)\n"

    assert await run(board, code) == [str(pico_errno if board.hardware.kind == "pico" else 19)]


async def test_part_that_is_an_object_sees_what_the_board_does(pico: VirtualBoard) -> None:
    seen: list[Any] = []

    class Clock:
        def read(self, register: int | None, size: int) -> bytes:
            seen.append((register, size))
            return bytes(size)

        def write(self, data: bytes) -> None:
            seen.append(data)

    pico.hardware.i2c[0, 0x68] = Clock()

    await run(
        pico,
        "from machine import I2C\nbus = I2C(0)\nbus.writeto(0x68, b'ab')\nbus.readfrom(0x68, 2)\n"
        "bus.readfrom_mem(0x68, 0x1234, 3, addrsize=16)\nbus.writeto_mem(0x68, 7, b'c')\n",
    )

    assert seen == [b"ab", (None, 2), (0x1234, 3), b"\x07c"]


async def test_error_of_a_part_ends_neither_board_nor_program(pico: VirtualBoard) -> None:
    pico.hardware.i2c[0x76] = Registers({})

    lines = await run(
        pico,
        "from machine import I2C\nbus = I2C(0)\ntry:\n    bus.readfrom_mem(0x76, 1, 1)\nexcept OSError as e:\n"
        "    print(e.errno)\nprint(bus.scan())\n",
    )

    assert lines == ["5", "[118]"]
    (failure,) = pico.hardware.part_failures.take()
    assert str(failure) == "i2c 0x76: the board reads register 0x01, which has no value in the test"


async def test_wrong_width_of_a_register_is_told(pico: VirtualBoard) -> None:
    pico.hardware.i2c[0x76] = Registers({1: 1})

    with pytest.raises(SerialError, match="EIO"):
        await run(pico, "from machine import I2C\nI2C(0).readfrom_mem(0x76, 1, 1, addrsize=16)\n")

    (failure,) = pico.hardware.part_failures.take()
    assert "the board names registers with 16 bits (addrsize), the part has 8" in str(failure)


async def test_software_bus_goes_step_by_step(pico: VirtualBoard) -> None:
    part = pico.hardware.i2c[0x50] = Registers({1: 5})

    lines = await run(
        pico,
        "from machine import SoftI2C, Pin\nbus, buf = SoftI2C(Pin(1), Pin(0)), bytearray(1)\n"
        "bus.start()\nprint(bus.write(b'\\xa0\\x02\\x09'))\nbus.stop()\n"
        "bus.start()\nprint(bus.write(b'\\xa2'))\nbus.stop()\n"
        "bus.start()\nbus.write(b'\\xa0\\x01')\nbus.start()\nbus.write(b'\\xa1')\nbus.readinto(buf)\nbus.stop()\n"
        "print(buf)\n",
    )

    assert lines == ["3", "0", r"bytearray(b'\x05')"]
    assert list(part.writes) == [(2, b"\x09")]


@pytest.mark.parametrize(
    ("made", "error"),
    [
        ("I2C(0, scl=Pin(4), sda=Pin(5))", "bad SCL pin"),
        ("I2C(2)", "I2C(2) doesn't exist"),
        ("SPI(0, sck=Pin(19))", "bad SCK pin"),
        ("SPI(2)", "SPI(2) doesn't exist"),
        ("UART(0, tx=Pin(4))", "bad TX pin"),
        ("UART(2)", "UART(2) doesn't exist"),
        ("Pin(30)", "invalid pin"),
    ],
)
async def test_pins_and_buses_that_a_pico_does_not_have_are_refused(pico: VirtualBoard, made: str, error: str) -> None:
    code = f"from machine import *\ntry:\n    {made}\nexcept ValueError as e:\n    print(e)\n"

    assert await run(pico, code) == [error]


async def test_name_that_the_module_does_not_have_is_an_import_error(pico: VirtualBoard) -> None:
    code = "import machine\ntry:\n    from machine import CAN\nexcept ImportError as e:\n    print(e)\n"

    assert await run(pico, code + "print(hasattr(machine, 'CAN'))\n") == ["can't import name CAN", "False"]


# SPI, UART


async def test_part_on_spi_is_read_while_its_pin_is_low(board: VirtualBoard) -> None:
    sent: list[bytes] = []

    class Echo:
        def transfer(self, data: bytes) -> bytes:
            sent.append(data)
            return data[::-1]

    board.hardware.spi[1, 5] = Echo()

    lines = await run(
        board,
        "from machine import SPI, Pin\nbus, cs, buf = SPI(1), Pin(5, Pin.OUT, value=1), bytearray(2)\n"
        "print(bus.read(2))\ncs(0)\nprint(bus.read(2, 7))\nbus.write_readinto(b'ab', buf)\nprint(buf)\n"
        "bus.write(b'cd')\nbus.readinto(buf)\ncs(1)\n",
    )

    assert lines == [r"b'\xff\xff'", r"b'\x07\x07'", "bytearray(b'ba')"]
    assert sent == [b"\x07\x07", b"ab", b"cd", b"\x00\x00"]


async def test_longest_transfer_arrives_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    sizes: list[int] = []

    class Display:
        def transfer(self, data: bytes) -> bytes:
            sizes.append(len(data))
            return data

    async with VirtualBoard("esp32cam", tmp_path / "flash", heap="16M") as board:
        board.hardware.spi[1] = Display()
        lines = await run(
            board,
            f"from machine import SPI\nSPI(1).write(bytes({TRANSFER_BYTES_MAX}))\n"
            f"try:\n    SPI(1).write(bytes({TRANSFER_BYTES_MAX + 1}))\nexcept OSError as e:\n    print(e.errno)\n",
        )

    assert (lines, sizes) == (["12"], [TRANSFER_BYTES_MAX])


async def test_serial_line_carries_bytes_both_ways(board: VirtualBoard) -> None:
    line = board.hardware.uart[0]
    line.write(b"$GPGGA,1\nrest")

    lines = await run(
        board,
        "from machine import UART\nu, buf = UART(0, baudrate=9600), bytearray(3)\n"
        "print(u.any(), u.readline(), u.read(2), u.readinto(buf), buf, u.read(), u.readline(), u.readinto(buf))\n"
        "print(u.write(b'AT\\r'), u.txdone())\nu.flush()\n",
    )

    assert lines == [r"13 b'$GPGGA,1\n' b're' 2 bytearray(b'st\x00') None None None", "3 True"]
    assert line.read() == b"AT\r"


async def test_serial_line_is_awaited_and_interrupts(board: VirtualBoard) -> None:
    code = (
        "import asyncio\nfrom machine import UART\nu, calls = UART(0, timeout=0), []\n"
        "u.irq(lambda line: calls.append(line.any()), UART.IRQ_RXIDLE)\n"
        "async def main():\n    print('ready')\n    print(await asyncio.StreamReader(u).readline())\n"
        "    writer = asyncio.StreamWriter(u)\n    writer.write(b'thanks')\n    await writer.drain()\n"
        "asyncio.run(main())\nu.irq(None)\nprint(len(calls) < 2)\n"
    )

    lines = await run(board, code, lambda: board.hardware.uart[0].write(b"hello\n"))

    assert lines == [r"b'hello\n'", "True"]
    assert board.hardware.uart[0].read() == b"thanks"
