"""Pins of a virtual board and the modules of its firmware for what is at them, on both kinds of board."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.boards.parts import onewire_rom
from darvaz.boards.serial import Prompt
from darvaz.boards.virtual import VirtualBoard
from tests.support.at_prompt import at_prompt
from tests.support.board_code import board, pico, printed, run

__all__ = ["board", "pico"]
pytestmark = [pytest.mark.timeout(90)]


# Pins


async def test_edges_of_a_pin_call_its_function(board: VirtualBoard) -> None:
    code = (
        "import time\nfrom machine import Pin\nseen = []\n"
        "p = Pin(14, Pin.IN, Pin.PULL_UP)\nq = Pin(13, Pin.IN)\n"
        "p.irq(lambda pin: seen.append((pin.id, 'both')))\n"
        "q.irq(handler=lambda pin: 1 / 0, trigger=Pin.IRQ_RISING)\n"
        "q.irq(handler=lambda pin: seen.append((pin.id, 'rising')), trigger=Pin.IRQ_RISING)\n"
        "print(p.value(), q.value())\nprint('ready')\n"
        "while len(seen) < 4: time.sleep_ms(5)\np.irq(None)\nprint(seen)\n"
    )

    def press() -> None:
        inputs = board.hardware.inputs
        inputs["14"], inputs["13"] = 0, 1
        inputs["14"], inputs["13"] = 1, 0
        inputs["13"] = 1

    assert await run(board, code, press) == ["1 0", "[(14, 'both'), (13, 'rising'), (14, 'both'), (13, 'rising')]"]


async def test_error_in_an_interrupt_is_printed_and_the_next_comes(pico: VirtualBoard) -> None:
    code = (
        "import time\nfrom machine import Pin\nseen = []\ndef pressed(pin):\n    seen.append(1)\n    1 / 0\n"
        "Pin(14, Pin.IN).irq(pressed, Pin.IRQ_RISING)\nprint('ready')\nwhile len(seen) < 2: time.sleep_ms(5)\n"
        "time.sleep_ms(50)\n"
    )

    def press() -> None:
        for level in (1, 0, 1):
            pico.hardware.inputs["14"] = level

    await run(pico, code, press)

    assert sum("ZeroDivisionError" in line for line in pico.lines) == 2


async def test_interrupts_wait_while_they_are_held(pico: VirtualBoard) -> None:
    code = (
        "import machine, time\nseen = []\n"
        "machine.Pin('GP14', machine.Pin.IN).irq(lambda pin: seen.append(1))\n"
        "state = machine.disable_irq()\nprint('ready')\n"
        "while machine.Pin(14).value() == 0: time.sleep_ms(1)\ntime.sleep_ms(50)\nprint(seen)\n"
        "machine.enable_irq(state)\nwhile not seen: time.sleep_ms(1)\nprint(seen)\n"
    )

    assert await run(pico, code, lambda: pico.hardware.inputs.update({"14": 1})) == ["[]", "[1]"]


async def test_pin_is_one_object_and_a_signal_may_mean_the_opposite(board: VirtualBoard) -> None:
    lines = await run(
        board,
        "from machine import Pin, Signal\nPin(15, Pin.OUT, value=1)\nprint(Pin(15) is Pin(15), Pin(15).value())\n"
        "s = Signal(Pin(15), invert=True)\ns.on()\nprint(s.value(), Pin(15).value())\n",
    )

    assert lines == ["True 1", "1 0"]
    assert board.hardware.pins["15"] == {"mode": "out", "value": 0}


async def test_pulse_is_measured(board: VirtualBoard) -> None:
    board.hardware.pulses_us.update({"3": 583, "4": 9000, "6": (400, 700)})
    code = "from machine import *\nprint([time_pulse_us(Pin(n), 1, 1000) for n in (3, 4, 5, 6)])\n"

    assert await run(board, code + "print(time_pulse_us(Pin(6), 0))\n") == ["[583, -1, -2, 400]", "700"]


async def test_sleeping_board_says_why_it_started(tmp_path: Path) -> None:
    (tmp_path / "flash").mkdir()
    program = "import machine\nprint('cause', machine.reset_cause() == machine.DEEPSLEEP_RESET)\n"
    (tmp_path / "flash/main.py").write_text(program + "machine.lightsleep(1)\nmachine.deepsleep(1)\n")

    async with VirtualBoard("esp32cam", tmp_path / "flash") as board:
        await printed(board, "cause True")


# Modules of the firmware


async def test_lights_are_seen(board: VirtualBoard) -> None:
    lines = await run(
        board,
        "from machine import Pin\nfrom neopixel import NeoPixel\n"
        "n, w = NeoPixel(Pin(16), 3), NeoPixel(Pin(17), 1, bpp=4)\n"
        "n.fill((9, 8, 7))\nn[2] = (0, 0, 255)\nw[0] = (1, 2, 3, 4)\nn.write()\nw.write()\nprint(len(n), n[2], w[0])\n",
    )

    assert lines == ["3 (0, 0, 255) (1, 2, 3, 4)"]
    assert board.hardware.neopixels == {"16": [(9, 8, 7), (9, 8, 7), (0, 0, 255)], "17": [(1, 2, 3, 4)]}
    assert board.hardware.bitstreams["17"] == b"\x02\x01\x03\x04"


async def test_dht_sensors_measure_what_the_test_says(board: VirtualBoard) -> None:
    board.hardware.dht.update({"4": (-3.5, 41.2), "5": (21, 40), "6": b"\x00\x00\x00\x00\x01"})

    lines = await run(
        board,
        "import dht\nfrom machine import Pin\nfor kind, pin in ((dht.DHT22, 4), (dht.DHT11, 5), (dht.DHT22, 6), "
        "(dht.DHT11, 7)):\n    d = kind(Pin(pin))\n    try:\n        d.measure()\n"
        "        print(d.temperature(), d.humidity())\n    except Exception as e:\n        print(repr(e))\n",
    )

    assert lines == ["-3.5 41.2", "21 40", "Exception('checksum error',)", "OSError(110,)"]


async def test_thermometers_on_one_wire_are_found_and_read(board: VirtualBoard) -> None:
    roms = [onewire_rom(number) for number in (1, 2, 0xABCDEF)]
    board.hardware.onewire["5"] = dict(zip(roms, (21.5, -3.25, 85.0), strict=True))

    lines = await run(
        board,
        "import onewire, ds18x20\nfrom machine import Pin\nt = ds18x20.DS18X20(onewire.OneWire(Pin(5)))\n"
        "roms = sorted(bytes(rom) for rom in t.scan())\nfirst = t.read_temp(roms[0])\nt.convert_temp()\n"
        "print([rom.hex() for rom in roms], first, [t.read_temp(rom) for rom in roms])\n"
        "t.write_scratch(roms[0], b'\\x01\\x02\\x1f')\nprint(bytes(t.read_scratch(roms[0]))[2:5])\n"
        "print(onewire.OneWire(Pin(6)).scan())\n"
        "try:\n    ds18x20.DS18X20(onewire.OneWire(Pin(6))).convert_temp()\n"
        "except onewire.OneWireError as e:\n    print(repr(e))\n",
    )

    degrees = [{roms[0]: 21.5, roms[1]: -3.25, roms[2]: 85.0}[rom] for rom in sorted(roms)]
    assert lines == [
        f"{[rom.hex() for rom in sorted(roms)]} 85.0 {degrees}",
        r"b'\x01\x02\x1f'",
        "[]",
        "OneWireError()",
    ]


@pytest.mark.parametrize("is_littlefs", [False, True])
async def test_file_of_the_maker_takes_the_place_of_a_module(tmp_path: Path, is_littlefs: bool) -> None:
    image = tmp_path / "flash.img" if is_littlefs else None
    async with VirtualBoard("pico", tmp_path / "flash", image=image) as board:

        def work(prompt: Prompt) -> str:
            before = prompt.exec("import neopixel, os\nprint(hasattr(neopixel, 'NeoPixel'), os.listdir('/'))\n")
            prompt.exec("f = open('/neopixel.py', 'w')\nf.write('mine = 7')\nf.close()\n")
            prompt.soft_reset()
            return before

        before = await at_prompt(board, work)
        after = await run(board, "import neopixel\nprint(neopixel.mine)\n")

    assert (before.strip(), after) == ("True []", ["7"])
