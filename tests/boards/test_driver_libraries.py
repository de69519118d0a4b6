"""Published driver libraries for MicroPython start on a virtual board, and read what a test says its parts measure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from darvaz.boards.parts import Registers, onewire_rom
from darvaz.boards.parts.i2c import I2cPart
from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.hardware import Hardware
from tests.support.board_code import run
from tests.support.driver_libraries import copy_library

# The first one fetches them all.
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("driver libraries")]


class Answering:
    """A part that answers the command that was written last."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.written: list[bytes] = []

    def read(self, register: int | None, size: int) -> bytes:
        last = self.written[-1] if register is None else bytes([register])
        return self.answers[last][:size]

    def write(self, data: bytes) -> None:
        self.written.append(data)


@dataclass(frozen=True)
class Library:
    """A library, the part that it is for, what a program does with it, and what that prints."""

    name: str
    wire: Callable[[Hardware], None]
    code: str
    printed: list[str]


def on_i2c(address: int, part: I2cPart) -> Callable[[Hardware], None]:
    return lambda hardware: hardware.i2c.__setitem__(address, part)


def with_crc(value: int) -> bytes:
    """Returns what a sensor of Sensirion sends: 16 bits and their checksum."""
    data = struct.pack(">H", value)
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ 0x131 if crc & 0x80 else crc << 1
    return data + bytes([crc])


LIBRARIES = {
    "AHT20": Library(
        "ahtx0.py",
        # 25 degrees are 0x60000 of 200 after -50, and half of the humidity is 0x80000.
        on_i2c(
            0x38,
            Answering(
                dict.fromkeys(
                    (b"\xba", b"\xbe\x08\x00", b"\xac\x33\x00"), b"\x18" + (0x80000 << 20 | 0x60000).to_bytes(5, "big")
                )
            ),
        ),
        "from ahtx0 import AHT20\nsensor = AHT20(bus)\nprint(sensor.temperature, sensor.relative_humidity)\n",
        ["25.0 50.0"],
    ),
    "SHT40": Library(
        "micropython_sht4x",
        on_i2c(0x44, Answering({b"\xfd": with_crc(26214) + with_crc(29360)})),
        "from micropython_sht4x.sht4x import SHT4X\nprint('%.1f %.1f' % SHT4X(bus).measurements)\n",
        ["25.0 50.0"],
    ),
    "Si7021": Library(
        "micropython_si7021",
        on_i2c(0x40, Answering({b"\xe7": b"\x3a", b"\xf3": b"\x68\xac\x00", b"\xf5": b"\x72\xb0\x00"})),
        "from micropython_si7021.si7021 import SI7021\ns = SI7021(bus)\n"
        "print('%.1f %.1f' % (s.temperature, s.humidity))\n",
        ["25.0 50.0"],
    ),
    "HS3003": Library(
        "micropython_hs3003",
        on_i2c(0x44, Answering({b"\x00": b"\x20\x00" + struct.pack(">H", 6454 << 2)})),
        "from micropython_hs3003.hs3003 import HS3003\nprint('%.1f %.1f' % HS3003(bus).measurements)\n",
        ["25.0 50.0"],
    ),
    "HTS221": Library(
        "micropython_hts221",
        on_i2c(
            0x5F,
            Registers(
                {
                    0x0F: 0xBC,
                    0x20: 0,
                    0x21: 0,
                    0x28: struct.pack("<hh", 500, 150),
                    # Two points of each: 20 and 80 % at 200 and 800, 10 and 40 degrees at 0 and 300.
                    0x30: b"\x28\xa0\x50\x40",
                    0x35: 0x04,
                    0x36: struct.pack("<h", 200),
                    0x3A: struct.pack("<hhh", 800, 0, 300),
                },
                ignored_bits=0x80,
                clears={0x21: 0x80},
            ),
        ),
        "from micropython_hts221.hts221 import HTS221\ns = HTS221(bus)\nprint(s.temperature, s.relative_humidity)\n",
        ["25.0 50.0"],
    ),
    "MCP9808": Library(
        "micropython_mcp9808",
        on_i2c(0x18, Registers({1: 0, 5: 0xC190, 7: 0x0400, 8: 0x0300}, register_bytes=2)),
        "from micropython_mcp9808.mcp9808 import MCP9808\nprint(MCP9808(bus).temperature)\n",
        ["25.0"],
    ),
    "TMP117": Library(
        "micropython_tmp117",
        on_i2c(0x48, Registers({0: 3200, 1: 0x2220, 0x0F: 0x0117}, register_bytes=2)),
        "from micropython_tmp117.tmp117 import TMP117\nprint(TMP117(bus).temperature)\n",
        ["25.0"],
    ),
    "LIS3DH": Library(
        "micropython_lis3dh",
        on_i2c(
            0x18,
            Registers(
                {0x0F: 0x33, 0x1F: 0, 0x20: 7, 0x23: 0, 0x24: 0, 0x28: struct.pack("<hhh", 0, -16380, 16380)},
                ignored_bits=0x80,
                clears={0x24: 0x80},
            ),
        ),
        "from micropython_lis3dh.lis3dh import LIS3DH\nprint('%.1f %.1f %.1f' % LIS3DH(bus).acceleration)\n",
        ["0.0 -9.8 9.8"],
    ),
    "LSM6DSOX": Library(
        "micropython_lsm6dsox",
        on_i2c(
            0x6A,
            Registers(
                {0x0F: 0x6C, 0x10: 0, 0x11: 0, 0x12: 4, 0x17: 0, 0x28: struct.pack("<hhh", 0, -8197, 8197)},
                clears={0x12: 1},
            ),
        ),
        "from micropython_lsm6dsox.lsm6dsox import LSM6DSOX\nprint('%.1f %.1f %.1f' % LSM6DSOX(bus).acceleration)\n",
        ["0.0 -9.8 9.8"],
    ),
    "TCS34725": Library(
        "tcs34725.py",
        on_i2c(
            0x29,
            Registers(
                {0: 0, 1: 0xFF, 0x12: 0x4D, 0x13: 1, 0x14: struct.pack("<HHHH", 600, 300, 200, 100)}, ignored_bits=0x80
            ),
        ),
        "from tcs34725 import TCS34725\nprint(TCS34725(bus).read(True))\n",
        ["(300, 200, 100, 600)"],
    ),
    "DS18B20": Library(
        "DIYables_MicroPython_DS18X20",
        lambda hardware: hardware.onewire.__setitem__("15", {onewire_rom(1): 25.0625, onewire_rom(2): 0.5}),
        "from DIYables_MicroPython_DS18X20 import DS18X20\nimport onewire\nt = DS18X20(onewire.OneWire(Pin(15)))\n"
        "roms = t.scan()\nt.convert_temp()\nprint(sorted(t.read_temp(rom) for rom in roms))\n",
        ["[0.5, 25.0625]"],
    ),
}


async def read(kind: str, folder: Path, library: Library) -> list[str]:
    async with VirtualBoard(kind, folder / "flash") as board:
        copy_library(library.name, folder / "flash")
        library.wire(board.hardware)
        printed = await run(board, "from machine import I2C, SPI, Pin\nbus = I2C(1)\n" + library.code)
        assert board.hardware.part_failures.take() == []
    return printed


@pytest.mark.parametrize("name", LIBRARIES)
async def test_library_reads_its_part(name: str, tmp_path: Path) -> None:
    assert await read("pico", tmp_path, LIBRARIES[name]) == LIBRARIES[name].printed


@pytest.mark.parametrize("name", [name for name in LIBRARIES if name != "DS18B20"])
async def test_library_without_its_part_gets_the_error_of_the_bus(name: str, tmp_path: Path) -> None:
    library = LIBRARIES[name]
    # The one of an ESP32, which differs from a Pico's.
    tried = "".join(f"    {line}\n" for line in library.code.splitlines())
    code = f"try:\n{tried}except OSError as e:\n    print(e.errno)\n"

    alone = Library(library.name, lambda hardware: None, code, [])

    assert await read("esp32cam", tmp_path, alone) == ["19"]


class Display:
    """An SSD1306: the picture that was sent last, 128 columns of 8 rows after another."""

    def __init__(self) -> None:
        self.picture = b""
        self.commands: list[int] = []

    def read(self, register: int | None, size: int) -> bytes:
        raise AssertionError("a display is not read")

    def write(self, data: bytes) -> None:
        if data[0] == 0x40:
            self.picture = (self.picture + data[1:])[-1024:]
        else:
            self.commands += data[1:]


async def test_display_on_i2c_shows_what_is_drawn(tmp_path: Path) -> None:
    display = Display()
    code = (
        "from DIYables_MicroPython_OLED import OLED_SSD1306_I2C\noled = OLED_SSD1306_I2C(128, 64, bus)\n"
        "oled.clear_display()\noled.fill_rect(0, 0, 2, 3, 1)\noled.fill_rect(127, 63, 1, 1, 1)\noled.display()\n"
    )

    await read("pico", tmp_path, Library("DIYables_MicroPython_OLED", on_i2c(0x3C, display), code, []))

    assert display.picture == b"\x07\x07" + bytes(1021) + b"\x80"
    assert {0xAE, 0xAF, 0x8D} <= set(display.commands)


class Matrix:
    """A chain of MAX7219: the rows of its lights, by what was sent while it was selected."""

    def __init__(self) -> None:
        self.rows: dict[int, bytes] = {}
        self._sent = b""

    def select(self) -> None:
        self._sent = b""

    def transfer(self, sent: bytes) -> bytes:
        self._sent += sent
        self.rows[self._sent[0]] = self._sent[1::2]
        return bytes(len(sent))


async def test_matrix_on_spi_shows_what_is_drawn(tmp_path: Path) -> None:
    matrix = Matrix()

    def wire(hardware: Hardware) -> None:
        hardware.spi[1, "9"] = matrix

    code = (
        "from max7219 import Matrix8x8\nm = Matrix8x8(SPI(1, sck=Pin(10), mosi=Pin(11)), Pin(9), 2)\n"
        "m.brightness(3)\nm.fill(0)\nm.pixel(0, 0, 1)\nm.pixel(15, 7, 1)\nm.show()\n"
    )

    await read("pico", tmp_path, Library("max7219", wire, code, []))

    assert (matrix.rows[1], matrix.rows[8], matrix.rows[10]) == (b"\x80\x00", b"\x00\x01", b"\x03\x03")
