"""Which images are accepted for which board, and the errors for the others."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from darvaz.boards.serial import SerialError
from darvaz.boards.serial.downloads import RELEASES, unpack
from darvaz.boards.serial.images import IMAGE_BYTES_MAX, check_image, read_image
from tests.support.board_images import RP2350, esp32, uf2, uf2_block


def refusal(data: bytes, chip: str) -> str:
    with pytest.raises(SerialError) as caught:
        check_image(read_image("image", data), chip)
    return str(caught.value)


def test_image_for_a_pico_is_recognised() -> None:
    image = read_image("x.uf2", uf2())

    check_image(image, "RP2040")
    assert (image.chip, image.machine, image.version) == ("RP2040", "Raspberry Pi Pico W with RP2040", "1.29.0")


def test_image_for_a_pico_2_may_begin_with_a_block_of_another_family() -> None:
    first = uf2_block(b"", 0, 2, 0xE48BFF57)

    check_image(read_image("x.uf2", first + uf2("Raspberry Pi Pico 2 W with RP2350", RP2350)), "RP2350")


def test_image_for_a_camera_board_is_recognised() -> None:
    image = read_image("firmware.bin", esp32())

    check_image(image, "ESP32")
    assert (image.chip, image.version, image.has_camera) == ("ESP32", "1.27.0", True)
    assert image.machine == "Generic ESP32 module with SPIRAM with ESP32"


def test_image_of_the_tests_is_right_for_espressifs_tool(tmp_path: Path) -> None:
    file = tmp_path / "firmware.bin"
    file.write_bytes(esp32())

    words = [sys.executable, "-m", "esptool", "--chip", "esp32", "image-info", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("(valid)") == 2


WRONG = {
    "of the other chip": (uf2("Raspberry Pi Pico 2 W with RP2350", RP2350), "RP2040", "for the RP2350"),
    "for an ESP32, on a Pico": (esp32(), "RP2040", "this board has the RP2040"),
    "for a Pico, on an ESP32": (uf2(), "ESP32", "this board has the ESP32"),
    "for an ESP32-S3": (esp32(chip=9), "ESP32", "ESP32-S3"),
    "without Wi-Fi": (uf2("Raspberry Pi Pico with RP2040"), "RP2040", "no Wi-Fi"),
    "without camera": (esp32(words=b""), "ESP32", "without the camera driver"),
    "a part only": (esp32(has_table=False), "ESP32", "firmware.bin of the release"),
    "cut in a block": (uf2()[:-100], "RP2040", "cut short"),
    "cut between blocks": (uf2()[:-512], "RP2040", "cut short"),
    "a block missing": (uf2()[:512] + uf2()[1024:], "RP2040", "damaged at byte 512"),
    "a block damaged": (uf2()[:1020] + b"XXXX" + uf2()[1024:], "RP2040", "damaged at byte 512"),
    "of an unknown chip": (uf2(family=1), "RP2040", "not for one kind of Pico"),
    "too small": (uf2(size_bytes=1024), "RP2040", "without MicroPython"),
    "no MicroPython": (uf2().replace(b"MicroPython", b"SomethingEl"), "RP2040", "without MicroPython"),
    "a web page": (b"\n<!DOCTYPE html>", "RP2040", "a web page"),
    "an ELF file": (b"\x7fELF....", "RP2040", "debugger"),
    "empty": (b"", "RP2040", "neither"),
    "an ESP32's beginning": (b"\xe9\x03", "ESP32", "cut short"),
    "too large": (bytes(IMAGE_BYTES_MAX + 1), "RP2040", "too large"),
}


@pytest.mark.parametrize(("data", "chip", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_wrong_image_is_refused_with_why(data: bytes, chip: str, sentence: str) -> None:
    assert sentence in refusal(data, chip)


def test_image_is_taken_out_of_its_archive(tmp_path: Path) -> None:
    path = tmp_path / "mpy_cam-AI_THINKER.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "read me")
        archive.writestr("firmware.bin", b"image")

    assert unpack(path.name, path.read_bytes()) == b"image"


@pytest.mark.parametrize("data", [b"PK\x03\x04 damaged", b"PK\x05\x06" + bytes(18)], ids=["damaged", "empty"])
def test_archive_without_an_image_is_refused(data: bytes) -> None:
    with pytest.raises(SerialError):
        read_image("x.zip", unpack("x.zip", data))


def test_every_release_comes_encrypted() -> None:
    assert all(release.url.startswith("https://") for release in RELEASES.values())
