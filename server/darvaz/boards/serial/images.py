"""Images of MicroPython: finds in a file which board it is for, and refuses an image for another board."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass

from darvaz.boards.serial.errors import Reason, SerialError

IMAGE_BYTES_MAX = 16 * 1024 * 1024
# A smaller file is another program or half a download.
IMAGE_BYTES_LEAST = 200_000
_UF2_BLOCK_BYTES = 512
_UF2_START = (0x0A324655, 0x9E5D5157)
_UF2_END = 0x0AB16F30
_UF2_PAYLOAD_BYTES_MAX = 476
_UF2_FAMILIES = {0xE48BFF56: "RP2040", 0xE48BFF59: "RP2350", 0xE48BFF5A: "RP2350"}
_ESP_MAGIC = 0xE9
# An image starts at 0x1000, so the partition table of 0x8000 is here; its magic number is that of ESP-IDF.
_ESP_TABLE_AT, _ESP_TABLE_MAGIC = 0x7000, b"\xaa\x50"
_ESP_CHIPS = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6", 18: "ESP32-P4"}
_MACHINE = re.compile(rb"[\w .()/+-]{3,60} with (?:RP2040|RP2350|ESP32[A-Z0-9]*)")
_VERSION = re.compile(rb"MicroPython v(\d+\.\d+(?:\.\d+)?[-.\w]*) on |MicroPython-(\d+\.\d+\.\d+)-")
# A name that only the camera driver of our programs has.
_CAMERA = b"GrabMode"
_OTHER_FORMATS = (
    (b"PK\x03\x04", "an archive: unpack it, and give the firmware.bin in it"),
    (b"<", "a web page, not an image: download it again, with the page's own link"),
    (b":1", "in the HEX format: take the .uf2 or .bin"),
    (b"\x7fELF", "for a debugger: take the .uf2 or .bin"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """What an image contains; `machine` and `version` are empty if it does not name them."""

    name: str
    data: bytes
    chip: str
    machine: str
    version: str
    has_camera: bool

    @property
    def sha256(self) -> str:
        """The checksum of the whole file, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    def __str__(self) -> str:
        about = f"MicroPython {self.version}".strip() + f" for {self.machine or self.chip}"
        return f"{self.name}: {about}{', with camera driver' * self.has_camera}, {len(self.data):,} bytes"


def read_image(name: str, data: bytes) -> Image:
    """Returns what an image is, from its bytes alone; raises SerialError if it is damaged or not an image."""
    if len(data) > IMAGE_BYTES_MAX:
        raise _wrong(name, "too large for any board")
    if len(data) >= 8 and struct.unpack_from("<2I", data) == _UF2_START:
        chip, flash = _read_uf2(name, data)
    elif data[:1] == bytes([_ESP_MAGIC]):
        chip, flash = _read_esp(name, data)
    else:
        known = next((what for start, what in _OTHER_FORMATS if data.lstrip()[: len(start)] == start), "")
        raise _wrong(name, known or "neither a .uf2 for a Pico nor a .bin for an ESP32")
    if len(data) < IMAGE_BYTES_LEAST or b"MicroPython" not in flash:
        raise _wrong(name, f"for the {chip}, but without MicroPython in it")
    machine, version = _MACHINE.search(flash), _VERSION.search(flash)
    return Image(
        name,
        data,
        chip,
        machine[0].decode().strip() if machine else "",
        (version[1] or version[2]).decode() if version else "",
        _CAMERA in flash,
    )


def check_image(image: Image, chip: str) -> None:
    """Raises SerialError if an image is for another chip, or lacks the camera driver or Wi-Fi."""
    if image.chip != chip:
        raise _wrong(image.name, f"for the {image.chip}, and this board has the {chip}")
    if chip == "ESP32" and not image.has_camera:
        raise _wrong(
            image.name,
            "without the camera driver: take mpy_cam-…-AI_THINKER from"
            " https://github.com/cnadler86/micropython-camera-API/releases",
        )
    if chip != "ESP32" and image.machine and " W" not in image.machine:
        raise _wrong(image.name, f"for the {image.machine}, which has no Wi-Fi: take RPI_PICO_W or RPI_PICO2_W")


def _read_uf2(name: str, data: bytes) -> tuple[str, bytes]:
    """Returns the chip and the content of its flash (https://github.com/microsoft/uf2)."""
    blocks: dict[str, list[bytes]] = {}
    totals: dict[str, int] = {}
    if len(data) % _UF2_BLOCK_BYTES:
        raise _wrong(name, "cut short: download it again")
    for at in range(0, len(data), _UF2_BLOCK_BYTES):
        first, second, _, _, size_bytes, number, total, family = struct.unpack_from("<8I", data, at)
        (end,) = struct.unpack_from("<I", data, at + _UF2_BLOCK_BYTES - 4)
        if (first, second) != _UF2_START or end != _UF2_END or size_bytes > _UF2_PAYLOAD_BYTES_MAX:
            raise _wrong(name, f"damaged at byte {at}: download it again")
        chip = _UF2_FAMILIES.get(family)
        if chip is None:
            # Images for the RP2350 begin with a block of another family, against its erratum RP2350-E10.
            continue
        if number != len(blocks.setdefault(chip, [])):
            raise _wrong(name, f"damaged at byte {at}: download it again")
        blocks[chip].append(data[at + 32 : at + 32 + size_bytes])
        totals[chip] = total
    if len(blocks) != 1:
        raise _wrong(name, "not for one kind of Pico")
    chip, parts = blocks.popitem()
    if len(parts) != totals[chip]:
        raise _wrong(name, "cut short: download it again")
    return chip, b"".join(parts)


def _read_esp(name: str, data: bytes) -> tuple[str, bytes]:
    """Returns the chip and the content of its flash."""
    if len(data) < _ESP_TABLE_AT + 2:
        raise _wrong(name, "cut short: download it again")
    (number,) = struct.unpack_from("<H", data, 12)
    chip = _ESP_CHIPS.get(number, f"chip number {number}")
    if chip == "ESP32" and data[_ESP_TABLE_AT : _ESP_TABLE_AT + 2] != _ESP_TABLE_MAGIC:
        raise _wrong(name, "only a part of what a board needs: take the firmware.bin of the release")
    return chip, data


def _wrong(name: str, why: str) -> SerialError:
    return SerialError(Reason.WRONG_IMAGE, f"{name} is not written to the board: it is {why}")
