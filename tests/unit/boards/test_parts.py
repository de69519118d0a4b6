"""The parts that a test gives a virtual board: what they answer, what they refuse, and their limits."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.parts import PartError, Registers, onewire_rom
from darvaz.boards.parts.failures import FAILURES_MAX, PartFailures
from darvaz.boards.parts.i2c import I2cParts
from darvaz.boards.parts.inputs import EDGES_MAX
from darvaz.boards.parts.one_wire import OneWireBus, crc8
from darvaz.boards.parts.registers import WRITES_MAX
from darvaz.boards.parts.spi import SpiParts
from darvaz.boards.parts.uart import LINES, WAITING_BYTES_MAX, UartLine, UartLines
from darvaz.boards.parts.wired import WiredParts

# Registers


def test_reading_goes_on_to_the_next_register() -> None:
    sensor = Registers({0xF7: b"\x01\x02\x03", 0xFA: 4})

    assert sensor.read(0xF7, 4) == b"\x01\x02\x03\x04"


def test_register_is_named_by_a_write_and_read_from_there() -> None:
    sensor = Registers({0xD0: 0x60, 0xD1: 7})

    sensor.write(b"\xd0")

    assert [sensor.read(None, 1), sensor.read(None, 1)] == [b"\x60", b"\x07"]


def test_what_is_written_is_read_and_kept_for_the_test() -> None:
    sensor = Registers({})

    sensor.write(b"\xf4\x27\xa0")

    assert (sensor[0xF4], sensor[0xF5], list(sensor.writes)) == (0x27, 0xA0, [(0xF4, b"\x27\xa0")])


def test_oldest_writes_are_dropped() -> None:
    sensor = Registers({})

    for number in range(WRITES_MAX + 1):
        sensor.write(bytes([number % 256, 1]))

    assert len(sensor.writes) == WRITES_MAX
    assert sensor.writes[0] == (1, b"\x01")


def test_register_without_a_value_is_named() -> None:
    with pytest.raises(PartError, match="the board reads register 0xf8, which has no value in the test"):
        Registers({0xF7: 1}).read(0xF7, 2)


def test_registers_of_two_bytes_begin_with_the_high_one() -> None:
    sensor = Registers({5: 0xC150, 6: 0x0054}, register_bytes=2)

    assert sensor.read(5, 2) == b"\xc1\x50"
    assert sensor.read(6, 2) == b"\x00\x54"
    assert sensor[5] == 0xC150


def test_memory_with_numbers_of_two_bytes_is_written_and_read() -> None:
    memory = Registers(bytearray(300), address_bytes=2)

    memory.write(b"\x01\x2a\x07")

    assert memory.read(0x12A, 1) == b"\x07"
    with pytest.raises(PartError, match="there is no register 0x12c, which is written"):
        memory.write(b"\x01\x2b\x01\x02")


def test_bit_for_the_next_register_is_ignored() -> None:
    sensor = Registers({0x28: b"\x34\x12"}, ignored_bits=0x80)

    assert sensor.read(0xA8, 2) == b"\x34\x12"


def test_bit_that_resets_a_part_is_clear_again() -> None:
    sensor = Registers({0x12: 0x04}, clears={0x12: 0x01})

    sensor.write(b"\x12\x05")

    assert (sensor[0x12], list(sensor.writes)) == (0x04, [(0x12, b"\x05")])


def test_board_that_writes_nothing_only_looks_for_the_part() -> None:
    sensor = Registers({7: 1})

    sensor.write(b"")

    assert list(sensor.writes) == []


def test_bytearray_shows_the_test_what_is_written() -> None:
    memory = bytearray(4)

    Registers(memory).write(b"\x02\x05")

    assert memory == b"\x00\x00\x05\x00"


@pytest.mark.parametrize("widths", [{"address_bytes": 3}, {"register_bytes": 5}, {"address_bytes": 0}])
def test_widths_that_no_part_has_are_refused(widths: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="numbers of registers have 1 to 2 bytes, registers 1 to 4"):
        Registers({}, **widths)


# I2C


def test_part_is_on_every_bus_unless_its_bus_is_named() -> None:
    parts = I2cParts()
    everywhere, here = Registers({}), Registers({})
    parts[0x76] = everywhere
    parts[1, 0x76] = here
    parts[1, 0x40] = b"\x01"

    assert parts.find(0, 0x76) is everywhere
    assert parts.find(1, 0x76) is here
    assert parts.find(0, 0x40) is None
    assert (parts.scan(0), parts.scan(1), parts.scan(None)) == ([0x76], [0x40, 0x76], [0x76])


@pytest.mark.parametrize("address", [0x07, 0x78, "0x76"])
def test_address_that_no_part_has_is_refused(address: int) -> None:
    with pytest.raises(ValueError, match="an address on I2C is from 0x08 to 0x77"):
        I2cParts()[address] = b"\x00"


def test_what_cannot_answer_is_no_part() -> None:
    with pytest.raises(TypeError, match="a part on I2C is bytes, Registers, or has"):
        I2cParts()[0x76] = 5  # type: ignore[assignment]


# SPI


def test_part_is_selected_by_its_pin() -> None:
    parts = SpiParts()
    parts[0, 17] = b"\x01\x02"
    low, high = {"17": {"mode": "out", "value": 0}}, {"17": {"mode": "out", "value": 1}}

    assert parts.transfer(0, b"\x00" * 3, low) == b"\x01\x02\x01"
    assert parts.transfer(0, b"\x00" * 3, high) == b"\xff\xff\xff"
    assert parts.transfer(1, b"\x00" * 3, low) == b"\xff\xff\xff"


def test_registers_on_spi_are_read_with_the_highest_bit_and_written_without() -> None:
    parts, low = SpiParts(), {"17": {"mode": "out"}}
    sensor = Registers({0x0F: 0x6C, 0x10: 1, 0x11: 2})
    parts[0, 17] = sensor

    parts.select("17")
    assert [parts.transfer(0, sent, low) for sent in (b"\x8f", b"\0", b"\0\0")] == [b"\xff", b"\x6c", b"\1\2"]
    parts.select("17")
    assert parts.transfer(0, b"\x10\x07", low) == b"\xff\xff"
    parts.transfer(0, b"\x08", low)

    assert (sensor[0x10], sensor[0x11]) == (7, 8)


def test_board_that_sends_nothing_on_spi_asks_no_part() -> None:
    parts = SpiParts()
    parts[0] = Registers({1: 2})

    assert parts.transfer(0, b"", {}) == b""


def test_two_selected_parts_are_told() -> None:
    parts = SpiParts()
    parts[0], parts[0, "17"] = b"\x01", b"\x02"

    with pytest.raises(PartError, match="2 parts are selected at once"):
        parts.transfer(0, b"\x00", {"17": {"mode": "out"}})


def test_what_cannot_transfer_is_no_part_on_spi() -> None:
    with pytest.raises(TypeError, match="a part on SPI is bytes, Registers, or has transfer"):
        SpiParts()[0] = 5  # type: ignore[assignment]


# UART


def test_bytes_that_no_board_reads_are_refused_at_the_limit() -> None:
    line = UartLine()
    line.write(bytes(WAITING_BYTES_MAX))

    with pytest.raises(BufferError, match=f"the board has not read {WAITING_BYTES_MAX} bytes"):
        line.write(b"x")


def test_of_what_no_test_reads_the_newest_is_kept() -> None:
    line = UartLine()

    line.take(b"a" + bytes(WAITING_BYTES_MAX - 1))
    line.take(b"z")

    data = line.read()
    assert (len(data), data[:1], data[-1:], line.read()) == (WAITING_BYTES_MAX, b"\x00", b"z", b"")


def test_line_that_no_board_has_is_refused() -> None:
    with pytest.raises(KeyError, match="a board has the serial lines 0 to 2, not 3"):
        UartLines()[LINES]


# One wire


def test_checksum_of_an_address_is_that_of_the_datasheet() -> None:
    # Maxim's application note 27: family 02, serial number 000000 01 B8 1C.
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2


def test_every_address_is_found_by_a_search() -> None:
    roms = [onewire_rom(number) for number in (1, 2, 3, 0xFFFFFFFFFFFF, 0x800000000000, 77)]
    bus = OneWireBus(dict.fromkeys(roms, 20.0))

    found, branches = [], [""]
    while branches:
        known = branches.pop()
        bits = search(bus, known)
        branches += [bits[:at] + "1" for at in range(len(known), 64) if bits[at] == "?"]
        found.append(bits.replace("?", "0"))

    assert sorted(int(bits[::-1], 2).to_bytes(8, "little") for bits in found) == sorted(roms)


def search(bus: OneWireBus, known: str) -> str:
    """Returns the bits of one address; where addresses differ after what is known, `?`, and 0 is followed."""
    assert bus.reset()
    for number in range(8):
        bus.write_bit(0xF0 >> number & 1)
    bits = ""
    for at in range(64):
        answer = (bus.read_bit(), bus.read_bit())
        if at < len(known):
            bits += known[at]
        else:
            bits += {(0, 1): "0", (1, 0): "1", (0, 0): "?"}[answer]
        bus.write_bit(bits[at] == "1")
    return bits


def test_address_with_a_wrong_checksum_is_told() -> None:
    with pytest.raises(PartError, match=r"onewire_rom\(number\) makes one"):
        OneWireBus({bytes(7) + b"\x01": 20.0}).reset()


# Failures, and edges


def test_failure_has_only_the_lines_of_the_test() -> None:
    failures = PartFailures()

    answer = failures.ask("i2c 0x76", fail)

    (failure,) = failures.take()
    assert answer == errno.EIO
    assert str(failure) == "i2c 0x76: ValueError: mine"
    assert failure.error.__traceback__ is not None
    assert Path(failure.error.__traceback__.tb_frame.f_code.co_filename) == Path(__file__)
    assert failures.take() == []


def fail() -> bytes:
    raise ValueError("mine")


def test_part_may_fail_a_test_by_pytest_itself() -> None:
    failures = PartFailures()

    assert failures.ask("i2c 0x76", lambda: pytest.fail("never read")) == errno.EIO
    assert [str(failure) for failure in failures.take()] == ["i2c 0x76: Failed: never read"]


def test_part_that_is_busy_gives_the_error_of_its_bus() -> None:
    failures = PartFailures()

    assert failures.ask("i2c 0x50", lambda: (_ for _ in ()).throw(OSError(errno.ENODEV, "busy"))) == errno.ENODEV
    assert failures.take() == []


def test_first_failures_are_kept() -> None:
    failures = PartFailures()

    for number in range(FAILURES_MAX + 1):
        failures.note(f"i2c {number}", ValueError())

    assert [failure.part for failure in failures.take()] == [f"i2c {number}" for number in range(FAILURES_MAX)]


def test_edges_of_a_watched_pin_wait_in_order() -> None:
    parts = WiredParts()
    parts.inputs["13"] = 1
    parts.inputs.watch("14", True)

    parts.inputs["14"] = 1
    parts.inputs["14"] = 1
    parts.inputs.update({"13": 0, "14": 0})
    parts.inputs["14"] = 1
    del parts.inputs["14"]

    assert parts.inputs.take_edges() == [("14", 1), ("14", 0), ("14", 1), ("14", 0)]
    assert parts.inputs.take_edges() == []


def test_edges_beyond_the_limit_are_told() -> None:
    parts = WiredParts()
    parts.inputs.watch("14", True)

    for number in range(EDGES_MAX + 1):
        parts.inputs["14"] = 1 - number % 2

    assert len(parts.inputs.take_edges()) == EDGES_MAX
    (failure,) = parts.part_failures.take()
    assert str(failure) == f"inputs: BufferError: the board has not seen {EDGES_MAX} changes of its pins; more are lost"


def test_edge_goes_through_a_wire() -> None:
    parts = WiredParts()
    parts.jumpers["14"] = "15"
    parts.inputs.watch("14", True)

    parts._pin({"id": 15, "is": {"mode": "out", "value": 1}})

    assert parts.inputs.take_edges() == [("14", 1)]


def test_pulled_up_pin_reads_high_where_nothing_is_connected() -> None:
    parts = WiredParts()

    parts._pin({"id": 14, "is": {"mode": "in", "pull": "up"}})

    assert (parts.level("14"), parts.level("15")) == (1, 0)
