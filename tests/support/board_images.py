"""Images with the right form and checksums, which no board could run."""

from __future__ import annotations

import hashlib
import struct

RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59
_PAYLOAD_BYTES = 256
_FLASH = 0x10000000


def uf2(machine: str = "Raspberry Pi Pico W with RP2040", family: int = RP2040, size_bytes: int = 120_000) -> bytes:
    """Returns an image for a Pico, with MicroPython's words in it."""
    words = f"\0MicroPython v1.29.0 on 2026-08-24\0{machine}\0".encode()
    flash = words + bytes(size_bytes - len(words))
    parts = [flash[at : at + _PAYLOAD_BYTES] for at in range(0, len(flash), _PAYLOAD_BYTES)]
    return b"".join(uf2_block(part, number, len(parts), family) for number, part in enumerate(parts))


def uf2_block(part: bytes, number: int, total: int, family: int) -> bytes:
    """Returns one block of 512 bytes."""
    address = _FLASH + number * _PAYLOAD_BYTES
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address, _PAYLOAD_BYTES, number, total, family)
    return head + part.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30)


def esp32(*, chip: int = 0, words: bytes = b"GrabMode", size_bytes: int = 300_000, has_table: bool = True) -> bytes:
    """Returns an image for an ESP32: a bootloader that Espressif's tool accepts, a table, MicroPython's words."""
    segment = bytes(range(256)) * 16
    head = struct.pack("<4BI", 0xE9, 1, 2, 0x20, 0x40080400)
    more = struct.pack("<4BHBHH4xB", 0xEE, 0, 0, 0, chip, 0, 0, 399, 1)
    body = head + more + struct.pack("<2I", 0x3FFF0030, len(segment)) + segment
    checksum = 0xEF
    for byte in segment:
        checksum ^= byte
    body += bytes(-(len(body) + 1) % 16) + bytes([checksum])
    image = (body + hashlib.sha256(body).digest()).ljust(0x7000, b"\xff") + (b"\xaa\x50" if has_table else b"\0\0")
    image += b"\0MicroPython v1.27.0 on 2025-12-09\0Generic ESP32 module with SPIRAM with ESP32\0" + words
    return image.ljust(size_bytes, b"\0")
