"""What is wired to a virtual board: parts on its buses, levels and pulses at its pins; tests change them.

The requests of the stubs are answered without I/O. Parts of a test may fail: the board gets an error, the test is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from darvaz.boards.parts import i2c
from darvaz.boards.parts.failures import PartError, PartFailures
from darvaz.boards.parts.i2c import I2cParts
from darvaz.boards.parts.inputs import Inputs
from darvaz.boards.parts.one_wire import OneWireBus
from darvaz.boards.parts.spi import SpiParts
from darvaz.boards.parts.uart import UartLines

Request = dict[str, Any]
Reply = dict[str, Any]
Answer = Reply | tuple[Reply, bytes]
# Of one transfer on a bus, in each direction.
TRANSFER_BYTES_MAX = 1024 * 1024
_NO_PART: Reply = {"is_missing": True}
_DHT_BYTES = 5
_SIGN_BIT = 0x8000


class OneWireParts(dict[str, Any]):
    """Thermometers on one wire by pin: `onewire["5"] = {onewire_rom(1): 21.5}`."""

    def __setitem__(self, pin: str | int, sensors: Mapping[bytes, float]) -> None:
        super().__setitem__(str(pin), OneWireBus(sensors))


@dataclass(slots=True)
class WiredParts:
    """The parts of one board.

    `pins` are by number or name: mode, value, pulses. `inputs` are levels by pin, and `jumpers` are wires: a pin reads
    what another is driven to. `pulses_us` are the lengths that `time_pulse_us` measures by pin, one, or those of high
    and low; `dht` are temperature and humidity by pin, or the five bytes of the sensor. `bitstreams` are the bytes that
    a pin sent last, `neopixels` the colours in them.
    """

    pins: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    inputs: Inputs = field(init=False)
    jumpers: dict[str, str] = field(default_factory=dict, init=False)
    i2c: I2cParts = field(default_factory=I2cParts, init=False)
    spi: SpiParts = field(default_factory=SpiParts, init=False)
    uart: UartLines = field(default_factory=UartLines, init=False)
    onewire: OneWireParts = field(default_factory=OneWireParts, init=False)
    dht: dict[str, tuple[float, float] | bytes] = field(default_factory=dict, init=False)
    pulses_us: dict[str, int | tuple[int, int]] = field(default_factory=dict, init=False)
    bitstreams: dict[str, bytes] = field(default_factory=dict, init=False)
    neopixels: dict[str, list[tuple[int, ...]]] = field(default_factory=dict, init=False)
    part_failures: PartFailures = field(default_factory=PartFailures, init=False)

    def __post_init__(self) -> None:
        self.inputs = Inputs(self.level, partial(self.part_failures.note, "inputs"))

    def level(self, pin: str) -> int:
        """Returns what a pin reads: a wire, or what a test gave, or its own pull."""
        if pin in self.jumpers:
            return int(self.pins.get(self.jumpers[pin], {}).get("value", 0))
        return self.inputs.get(pin, 1 if self.pins.get(pin, {}).get("pull") == "up" else 0)

    # Pins
    def _pin(self, request: Request) -> Reply:
        name, changed = str(request["id"]), request["is"]
        self.pins.setdefault(name, {}).update(changed)
        if changed.get("value") == 0:
            self.spi.select(name)
        self.inputs.note_edges()
        return {}

    def _read_pin(self, request: Request) -> Reply:
        return {"value": self.level(str(request["id"]))}

    def _watch_pin(self, request: Request) -> Reply:
        self.inputs.watch(str(request["id"]), request["is_on"])
        return {}

    def _take_edges(self, request: Request) -> Reply:
        return {"edges": self.inputs.take_edges()}

    def _pulse(self, request: Request) -> Reply:
        us = self.pulses_us.get(str(request["id"]))
        return {"us": us[0 if request["level"] else 1] if isinstance(us, tuple) else us}

    def _bitstream(self, request: Request) -> Reply:
        pin, sent, size = str(request["id"]), request["sent"], request["bytes_a_pixel"]
        self.bitstreams[pin] = sent
        self.neopixels[pin] = [_colour(sent[at : at + size]) for at in range(0, len(sent), size)]
        return {}

    def _read_dht(self, request: Request) -> Answer:
        pin = str(request["id"])
        if pin not in self.dht:
            return _NO_PART
        return _answered(self.part_failures.ask(f"dht {pin}", lambda: _dht_bytes(self.dht[pin], request["model"])))

    # Buses
    def _scan_i2c(self, request: Request) -> Reply:
        return {"addresses": self.i2c.scan(request["bus"])}

    def _read_i2c(self, request: Request) -> Answer:
        part = self.i2c.find(request["bus"], request["address"])
        if part is None:
            return _NO_PART
        words = (part, request["register"], request["address_bytes"], request["size"])
        return _answered(self.part_failures.ask(_name(request), lambda: i2c.read(*words)))

    def _write_i2c(self, request: Request) -> Answer:
        part = self.i2c.find(request["bus"], request["address"])
        if part is None:
            return _NO_PART
        words = (part, request["register"], request["address_bytes"], request["sent"])
        return _answered(self.part_failures.ask(_name(request), lambda: i2c.write(*words)))

    def _transfer_spi(self, request: Request) -> Answer:
        bus = request["bus"]
        return _answered(
            self.part_failures.ask(f"spi {bus}", lambda: self.spi.transfer(bus, request["sent"], self.pins))
        )

    def _read_uart(self, request: Request) -> Answer:
        return _with_bytes(self.uart[request["bus"]].give(request["size"]))

    def _count_uart(self, request: Request) -> Reply:
        waiting = self.uart[request["bus"]].peek()
        return {"waiting": len(waiting), "line": waiting.find(b"\n") + 1}

    def _write_uart(self, request: Request) -> Reply:
        self.uart[request["bus"]].take(request["sent"])
        return {}

    def _onewire(self, request: Request) -> Answer:
        pin = str(request["id"])
        bus = self.onewire.get(pin)
        if bus is None:
            bus = OneWireBus({})
        bits = partial(_onewire_bits, bus, request)
        return _answered(self.part_failures.ask(f"onewire {pin}", bits))


def _onewire_bits(bus: OneWireBus, request: Request) -> bytes:
    """Returns what was read, a byte with 0 or 1 for each bit."""
    if request["is_reset"]:
        return bytes([bus.reset()])
    for bit in request["write"]:
        bus.write_bit(bit)
    return bytes(bus.read_bit() for _ in range(request["read"]))


def _name(request: Request) -> str:
    return f"i2c 0x{request['address']:02x}"


def _answered(answer: bytes | int) -> Answer:
    return {"errno": answer} if isinstance(answer, int) else _with_bytes(answer)


def _with_bytes(data: bytes) -> Answer:
    return {"bytes": len(data)}, data


def _colour(pixel: bytes) -> tuple[int, ...]:
    # They are sent as green, red, blue.
    return (pixel[1], pixel[0], *pixel[2:]) if len(pixel) > 1 else tuple(pixel)


def _dht_bytes(value: tuple[float, float] | bytes, model: int) -> bytes:
    """Returns what a DHT11 or DHT22 sends: humidity, temperature, and their sum."""
    if isinstance(value, bytes):
        if len(value) != _DHT_BYTES:
            raise PartError(f"a DHT sends {_DHT_BYTES} bytes, not {value!r}")
        return value
    temperature, humidity = value
    if model == 11:
        body = bytes([int(humidity), 0, int(temperature), round(temperature * 10) % 10])
    else:
        tenths = round(abs(temperature) * 10) | (_SIGN_BIT if temperature < 0 else 0)
        body = round(humidity * 10).to_bytes(2, "big") + tenths.to_bytes(2, "big")
    return body + bytes([sum(body) & 0xFF])


PART_HANDLERS: dict[str, Callable[[WiredParts, Request], Answer]] = {
    "pin": WiredParts._pin,
    "read_pin": WiredParts._read_pin,
    "watch_pin": WiredParts._watch_pin,
    "take_edges": WiredParts._take_edges,
    "pulse": WiredParts._pulse,
    "bitstream": WiredParts._bitstream,
    "read_dht": WiredParts._read_dht,
    "scan_i2c": WiredParts._scan_i2c,
    "read_i2c": WiredParts._read_i2c,
    "write_i2c": WiredParts._write_i2c,
    "transfer_spi": WiredParts._transfer_spi,
    "read_uart": WiredParts._read_uart,
    "count_uart": WiredParts._count_uart,
    "write_uart": WiredParts._write_uart,
    "onewire": WiredParts._onewire,
}
