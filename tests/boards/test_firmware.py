"""`darvaz firmware` without a board: a folder stands for a Pico's drive, and a simulated bootloader for the chip of an
ESP32."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from darvaz.boards.serial import SerialError
from darvaz.boards.serial import downloads as releases
from darvaz.boards.serial.downloads import Release, download
from darvaz.boards.serial.uf2_drive import copy_image, open_drive
from darvaz.boards.virtual import VirtualBoard
from tests.support.board_images import RP2350, esp32, uf2
from tests.support.download_site import Site
from tests.support.rom_loader import rom_loader
from tests.support.verbs import Verb, darvaz

pytestmark = [pytest.mark.timeout(120)]
DEADLINE_S = 20.0
INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: {}\r\n"


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    folder = tmp_path / "RPI-RP2"
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(INFO.format("RPI-RP2"))
    return folder


def image(tmp_path: Path, data: bytes, name: str = "image.uf2") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


async def take(drive: Path, data: bytes) -> None:
    """Acts like a Pico that has received the last block: its drive vanishes."""
    async with asyncio.timeout(DEADLINE_S):
        while not (drive / "firmware.uf2").exists() or (drive / "firmware.uf2").stat().st_size < len(data):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    (drive / "INFO_UF2.TXT").unlink()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# A Pico's drive


async def test_image_is_copied_onto_a_picos_drive(drive: Path, tmp_path: Path) -> None:
    file = image(tmp_path, uf2())

    async with Verb("firmware", "pico", "--drive", str(drive), "--file", file, "--wait", "0") as verb:
        await take(drive, uf2())
        done = await verb.done()

    assert done.code == 0, done.err
    assert (drive / "firmware.uf2").read_bytes() == uf2()
    assert hashlib.sha256(uf2()).hexdigest() in done.err
    assert "Installed" in done.out


def test_drive_that_does_not_take_the_image_is_an_error(drive: Path) -> None:
    with pytest.raises(SerialError, match="did not restart"):
        copy_image(open_drive(drive), uf2(), leave_s=0.1)


async def test_dry_run_writes_nothing(drive: Path, tmp_path: Path) -> None:
    done = await darvaz("firmware", "--drive", str(drive), "--file", image(tmp_path, uf2()), "--dry-run")

    assert done.code == 0, done.err
    assert "nothing was written" in done.out
    assert names(drive) == ["INFO_UF2.TXT"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (uf2("Raspberry Pi Pico 2 W with RP2350", RP2350), "this board has the RP2040"),
        (uf2("Raspberry Pi Pico with RP2040"), "no Wi-Fi"),
        (esp32(), "for the ESP32"),
        (b"<html>", "a web page"),
    ],
    ids=["another chip", "no Wi-Fi", "another board", "no image"],
)
async def test_wrong_image_is_refused_and_nothing_is_written(
    drive: Path, tmp_path: Path, data: bytes, sentence: str
) -> None:
    done = await darvaz("firmware", "--drive", str(drive), "--file", image(tmp_path, data))

    assert done.code == 1
    assert sentence in done.err
    assert names(drive) == ["INFO_UF2.TXT"]


async def test_folder_that_is_not_a_drive_is_refused(tmp_path: Path) -> None:
    done = await darvaz("firmware", "--drive", str(tmp_path), "--file", image(tmp_path, uf2()))

    assert done.code == 1
    assert "BOOTSEL" in done.err


async def test_drive_of_another_board_is_refused(drive: Path, tmp_path: Path) -> None:
    (drive / "INFO_UF2.TXT").write_text(INFO.format("SAMD21G18A-Feather-v0"))

    done = await darvaz("firmware", "--drive", str(drive), "--file", image(tmp_path, uf2()))

    assert done.code == 1
    assert "another board" in done.err


async def test_camera_board_has_no_drive(drive: Path, tmp_path: Path) -> None:
    done = await darvaz("firmware", "esp32cam", "--drive", str(drive), "--file", image(tmp_path, esp32()))

    assert done.code == 1
    assert "Pico's drive" in done.err


async def test_no_board_at_all_is_reported(tmp_path: Path) -> None:
    done = await darvaz("firmware", "pico", "--file", image(tmp_path, uf2()), "--wait", "0")

    assert done.code == 1
    assert "BOOTSEL" in done.err.splitlines()[-1]


async def test_pico_at_its_prompt_is_recognised(tmp_path: Path) -> None:
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as board:
        done = await darvaz("firmware", "pico", "--port", board.port, "--file", image(tmp_path, uf2()), "--dry-run")

    assert done.code == 0, done.err
    assert "RP2040 at /dev/pts" in done.out


# Downloads


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


async def test_image_is_downloaded_and_its_checksum_shown(site: Site, drive: Path) -> None:
    site.files["/x.uf2"] = uf2()

    done = await darvaz("firmware", "--drive", str(drive), "--url", f"{site.url}/x.uf2", "--dry-run")

    assert done.code == 0, done.err
    assert hashlib.sha256(uf2()).hexdigest() in done.err
    assert "not known beforehand" in done.err


def test_download_with_another_checksum_than_published_is_refused(site: Site) -> None:
    site.files["/x.uf2"] = uf2()

    with pytest.raises(SerialError, match="is not the published one"):
        download(Release(f"{site.url}/x.uf2", sha256="0" * 64))


def test_image_is_found_in_a_release_with_its_checksum(site: Site) -> None:
    digest = hashlib.sha256(esp32()).hexdigest()
    site.files["/firmware.bin"] = esp32()
    site.files["/release"] = (
        '{"assets": [{"name": "mpy_cam-v1.27.0-OTHER.zip", "browser_download_url": "x"},'
        f' {{"name": "mpy_cam-v1.27.0-AI_THINKER.bin", "browser_download_url": "{site.url}/firmware.bin",'
        f' "digest": "sha256:{digest}"}}]}}'
    ).encode()

    got = download(Release(f"{site.url}/release", asset="AI_THINKER"))

    assert (got.data, got.sha256, got.is_checked) == (esp32(), digest, True)


def test_download_that_is_larger_than_any_image_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "IMAGE_BYTES_MAX", 1000)
    site.files["/x.uf2"] = bytes(1001)

    with pytest.raises(SerialError, match="too large"):
        download(Release(f"{site.url}/x.uf2"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x.uf2", "{site}/missing.uf2", "nonsense"])
async def test_failed_download_is_one_sentence(site: Site, drive: Path, url: str) -> None:
    done = await darvaz("firmware", "--drive", str(drive), "--url", url.format(site=site.url))

    assert done.code == 1
    assert "could not be downloaded" in done.err.splitlines()[-1]
    assert "--file" in done.err


# An ESP32's loader


@pytest_asyncio.fixture
async def loader(tmp_path: Path) -> AsyncIterator[str]:
    """The port of a simulated chip in its bootloader."""
    async with rom_loader(tmp_path) as port:
        yield port


@pytest.mark.parametrize("more", [[], ["--erase"]], ids=["plain", "erased"])
async def test_image_is_written_by_espressifs_tool(loader: str, tmp_path: Path, more: list[str]) -> None:
    file = image(tmp_path, esp32(), "firmware.bin")

    done = await darvaz("firmware", "esp32cam", "--port", loader, "--file", file, "--wait", "1", *more)

    assert done.code == 0, done.out + done.err
    assert "Hash of data verified" in done.err
    assert "take IO0 off GND" in done.out


async def test_damaged_image_is_refused_by_its_checksum(loader: str, tmp_path: Path) -> None:
    data = bytearray(esp32())
    data[0x100] ^= 1

    done = await darvaz("firmware", "esp32cam", "--port", loader, "--file", image(tmp_path, bytes(data), "x.bin"))

    assert done.code == 1
    assert "its checksum is wrong" in done.err


async def test_port_without_a_chip_is_an_error_with_what_to_connect(tmp_path: Path) -> None:
    async with VirtualBoard("esp32cam", tmp_path / "flash", image=tmp_path / "flash.img") as board:
        file = image(tmp_path, esp32(), "firmware.bin")
        done = await darvaz("firmware", "esp32cam", "--port", board.port, "--file", file)

    assert done.code == 1
    assert "IO0 to GND" in done.err
