"""Reads a column of numbers that columns.py has written, and what both agree on."""

from __future__ import annotations

import struct
from array import array

# Stands for the places of values that stay doubles.
DOUBLES = 255
# Bytes of a number → code of an array of such.
CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


def read_whole_numbers(data: bytes, width: int) -> array[int]:
    """Returns the numbers, each of `width` bytes."""
    numbers = array(CODES[width])
    numbers.frombytes(_by_reading(data, width))
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        numbers.byteswap()
    return numbers


def read_doubles(data: bytes) -> list[float]:
    """Returns the values that stayed doubles."""
    return array("d", _by_reading(data, 8)).tolist()


def _by_reading(data: bytes, width: int) -> bytes:
    count = len(data) // width
    turned = bytearray(count * width)
    for byte in range(width):
        turned[byte::width] = data[byte * count : (byte + 1) * count]
    return bytes(turned)
