"""MicroPython is installed from the browser: on a Pico by its drive, on an ESP32-CAM by its loader; a flash follows."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from darvaz.boards.serial.images import read_image
from darvaz.boards.serial.kept_images import keep_image
from darvaz.boards.virtual import VirtualBoard
from tests.support.board_images import RP2350, esp32, uf2
from tests.support.emulated import official_image
from tests.support.flashing import config_of
from tests.support.gateway import GatewayProcess
from tests.support.rom_loader import rom_loader
from tests.support.web_drive import Drive
from tests.support.web_serial import RASPBERRY_PI, web_serial

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
ESP32_IMAGE = "esp32-20251209-v1.27.0.bin"
ESP32_SHA256 = "aa4be80ec695911ba0f13f7558e559ce540f90efbf40c23b853ca49162136b9f"
ESP32_S3_IMAGE = "esp32s3-8MBflash-20251209-v1.27.0.bin"
ESP32_S3_SHA256 = "f533115edca660863b1308445d5c08e3fa108b34c39229a53c2f984a8186a9cd"
WAIT_MS = 100_000


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway without a way to other machines."""
    with GatewayProcess(env={"HTTPS_PROXY": "http://127.0.0.1:9"}) as running:
        yield running


@pytest.fixture(autouse=True)
def no_images(gateway: GatewayProcess) -> None:
    """The gateway has no image until a test keeps one."""
    for path in (gateway.data / "micropython").glob("*"):
        path.unlink()


@pytest_asyncio.fixture(loop_scope="session")
async def pico(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard("pico", tmp_path / "board", image=tmp_path / "board.img") as running:
        yield running


def official_esp32() -> bytes:
    """Returns an official image, with a word at its end that only images with our camera driver have."""
    return official_image(ESP32_IMAGE, ESP32_SHA256) + b"GrabMode"


def keep(gateway: GatewayProcess, board: str, data: bytes) -> None:
    keep_image(gateway.data, board, read_image("micropython", data))


async def open_form(page: Page, gateway: GatewayProcess, device: str, kind: str) -> Locator:
    """Opens the page, and fills in what it asks for."""
    await page.goto(f"{gateway.url}/#/add")
    form = page.locator("web-flash")
    for label, text in (
        ("Name of the board", device),
        ("Name of the Wi-Fi", "Home"),
        ("Password of the Wi-Fi", "password"),
        ("Address for the board", gateway.ws_url),
    ):
        await form.get_by_label(label).fill(text)
    await form.get_by_label("MicroPython", exact=True).select_option(kind)
    await expect(form.get_by_label("Image of your own")).to_be_visible()
    return form


async def press(form: Locator, name: str = "Choose the board and flash it") -> None:
    await form.get_by_role("button", name=name).click()


async def verify_by_esptool(port: str, file: Path) -> str:
    """Returns what Espressif's own tool says of the flash of a chip."""
    words = ["--chip", "esp32", "--port", port, "verify-flash", "0x1000", str(file)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "esptool", *words, stdout=pipe, stderr=pipe)
    output, errors = await process.communicate()
    return (output + errors).decode()


# An ESP32-CAM


async def test_an_esp32_gets_the_official_image_by_its_loader_and_comes_online(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    image = official_esp32()
    keep(gateway, "esp32cam", image)
    (tmp_path / "image.bin").write_bytes(image)
    async with (
        rom_loader(tmp_path) as loader,
        VirtualBoard("esp32cam", tmp_path / "board", image=tmp_path / "board.img") as board,
        web_serial(page, loader) as port,
    ):

        def start_micropython() -> None:
            # The loader was opened at two speeds; what starts after it is MicroPython.
            if len(port.speeds) == 2:
                port.path = board.port

        port.on_open = start_micropython
        form = await open_form(page, gateway, device, "esp32cam")
        await press(form)
        await expect(form.get_by_role("status")).to_have_text(f"{device} is online.", timeout=WAIT_MS)
        verified = await verify_by_esptool(loader, tmp_path / "image.bin")
        config = await config_of(board)

    reset = [(False, True), (True, False), (False, False)]
    assert port.speeds == [115_200, 460_800, 115_200]
    assert port.signals[:3] == reset
    # After it came a restart into MicroPython, and the opening of its prompt.
    assert port.signals[-4:] == [(False, True), (False, False), (False, False), (False, False)]
    assert "erification successful" in verified, verified
    assert config["device"] == device
    await expect(form.get_by_label("MicroPython", exact=True)).to_have_value("keep")


async def test_wrong_images_of_one_s_own_are_refused_before_the_chip_is_touched(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    async with web_serial(page, "/nowhere") as port:
        form = await open_form(page, gateway, device, "esp32cam")
        for data, sentence in (
            (official_image(ESP32_S3_IMAGE, ESP32_S3_SHA256), "This image is for another chip, ESP32-S3."),
            (official_image(ESP32_IMAGE, ESP32_SHA256), "This image has no camera driver"),
            (uf2(), "This image is for another chip, RP2040."),
            (esp32()[:-1][:0x7000], "damaged or cut short"),
        ):
            (tmp_path / "image").write_bytes(data)
            await form.get_by_label("Image of your own").set_input_files(tmp_path / "image")
            await press(form)
            await expect(form.get_by_role("status")).to_contain_text(sentence)
            await expect(form.get_by_role("status")).to_contain_text("Nothing was written.")

    assert port.speeds == []


async def test_another_chip_is_named_and_nothing_is_written(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    keep(gateway, "esp32cam", esp32())
    async with rom_loader(tmp_path, "esp32s2") as loader, web_serial(page, loader):
        form = await open_form(page, gateway, device, "esp32cam")
        await press(form)
        status = form.get_by_role("status")
        await expect(status).to_contain_text("This chip is another one: ESP32-S2.", timeout=WAIT_MS)
        await expect(status).to_contain_text("Nothing was written.")


async def test_a_stop_says_that_the_board_cannot_start_and_the_next_time_it_is_written_in_full(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    keep(gateway, "esp32cam", official_esp32())
    async with rom_loader(tmp_path) as loader, web_serial(page, loader) as port:
        form = await open_form(page, gateway, device, "esp32cam")
        status = form.get_by_role("status")
        await press(form)
        await expect(status).to_contain_text("Written: ", timeout=WAIT_MS)
        await press(form, "Stop")
        await expect(status).to_contain_text("Stopped. It has a part of MicroPython and cannot start")
        begun = len(port.signals)
        await press(form)
        await expect(status).to_contain_text("Written: ", timeout=WAIT_MS)
        port.path = "/nowhere"
        await expect(status).to_contain_text("MicroPython is installed.", timeout=WAIT_MS)

    assert port.signals[begun:][:3] == [(False, True), (True, False), (False, False)]


async def test_a_chip_that_is_silent_asks_for_a_hand_and_one_that_answers_then_is_written(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    keep(gateway, "esp32cam", esp32())
    async with (
        rom_loader(tmp_path) as loader,
        VirtualBoard("esp32cam", tmp_path / "board", image=tmp_path / "board.img") as board,
        web_serial(page, loader) as port,
    ):
        port.is_deaf = True
        port.on_open = lambda: setattr(port, "path", board.port if len(port.speeds) == 2 else loader)
        form = await open_form(page, gateway, device, "esp32cam")
        status = form.get_by_role("status")
        await press(form)
        await expect(status).to_contain_text("connect IO0 to GND and press RST now", timeout=WAIT_MS)
        port.is_deaf = False
        await expect(status).to_have_text(f"{device} is online.", timeout=WAIT_MS)


async def test_a_port_that_is_too_slow_for_the_fast_speed_goes_on_slowly(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    keep(gateway, "esp32cam", esp32())
    async with rom_loader(tmp_path) as loader, web_serial(page, loader) as port:
        port.on_open = lambda: setattr(port, "is_deaf", len(port.speeds) == 1)
        form = await open_form(page, gateway, device, "esp32cam")
        await press(form)
        # The loader is still there: as with a plain adapter that keeps IO0 at GND.
        await expect(form.get_by_role("status")).to_contain_text("take IO0 off GND, press RST", timeout=WAIT_MS)

    assert port.speeds == [115_200, 460_800, 115_200, 115_200]


# A Pico


async def test_a_pico_gets_the_image_by_its_drive_and_comes_online(
    gateway: GatewayProcess, page: Page, device: str, pico: VirtualBoard
) -> None:
    keep(gateway, "pico_w", uf2())
    drive = Drive(page)
    async with web_serial(page, "", RASPBERRY_PI) as port:
        form = await open_form(page, gateway, device, "pico")
        await drive.insert("RPI-RP2")
        await press(form)
        await press(form, "Choose the drive")
        got = await drive.take(len(uf2()))
        port.path = pico.port
        await expect(form.get_by_role("status")).to_have_text(f"{device} is online.", timeout=WAIT_MS)

    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(uf2()).hexdigest()
    assert (await config_of(pico))["device"] == device


async def test_folders_that_are_no_drive_and_images_of_another_pico_are_refused(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    drive = Drive(page)
    (tmp_path / "image.uf2").write_bytes(uf2("Raspberry Pi Pico 2 W with RP2350", RP2350))
    async with web_serial(page, "", RASPBERRY_PI):
        form = await open_form(page, gateway, device, "pico")
        status = form.get_by_role("status")
        await form.get_by_label("Image of your own").set_input_files(tmp_path / "image.uf2")
        await press(form)
        await drive.insert(None)
        await press(form, "Choose the drive")
        await expect(status).to_contain_text("is not a Pico’s drive")
        await drive.insert("SAMD21G18A-Feather-v0")
        await press(form, "Choose the drive")
        await expect(status).to_contain_text("the drive of another board: SAMD21G18A-Feather-v0.")
        await drive.insert("RPI-RP2")
        await press(form, "Choose the drive")
        await expect(status).to_contain_text("This image is for another chip, RP2350.")
        await expect(status).to_contain_text("Nothing was written.")

    assert await drive.names() == ["INFO_UF2.TXT"]


async def test_without_an_image_the_page_says_how_to_get_one_and_goes_on_once_it_is_there(
    gateway: GatewayProcess, page: Page, device: str, pico: VirtualBoard
) -> None:
    drive = Drive(page)
    async with web_serial(page, "", RASPBERRY_PI) as port:
        form = await open_form(page, gateway, device, "pico")
        await drive.insert("RP2350")
        await press(form)
        await press(form, "Choose the drive")
        await expect(form.get_by_text("darvaz firmware --for-browser pico_2_w")).to_be_visible()
        await press(form, "Let the gateway download it")
        await expect(form.get_by_role("status")).to_contain_text("could not be downloaded", timeout=WAIT_MS)
        keep(gateway, "pico_2_w", uf2("Raspberry Pi Pico 2 W with RP2350", RP2350))
        await press(form, "Look again")
        await drive.take(len(uf2()))
        await expect(form.get_by_role("status")).to_contain_text("choose its port")
        port.path = pico.port
        await expect(form.get_by_role("status")).to_have_text(f"{device} is online.", timeout=WAIT_MS)


async def test_an_image_that_was_changed_at_the_gateway_is_not_written(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    keep(gateway, "pico_w", uf2())
    (path,) = (gateway.data / "micropython").glob("*.image")
    path.write_bytes(bytes(len(uf2())))
    drive = Drive(page)
    async with web_serial(page, "", RASPBERRY_PI):
        form = await open_form(page, gateway, device, "pico")
        await drive.insert("RPI-RP2")
        await press(form)
        await press(form, "Choose the drive")
        await expect(form.get_by_role("status")).to_contain_text("is not the one that the gateway lists")

    assert await drive.names() == ["INFO_UF2.TXT"]


async def test_where_the_browser_writes_to_no_drive_a_person_does(
    gateway: GatewayProcess, page: Page, device: str, pico: VirtualBoard
) -> None:
    keep(gateway, "pico_w", uf2())
    await page.add_init_script("delete window.showDirectoryPicker")
    async with web_serial(page, "", RASPBERRY_PI) as port:
        form = await open_form(page, gateway, device, "pico")
        await press(form)
        await press(form, "Pico W")
        async with page.expect_download() as waiting:
            await form.get_by_role("link", name="Save the image").click()
        saved = await (await waiting.value).path()
        port.path = pico.port
        await press(form, "Choose the port")
        await expect(form.get_by_role("status")).to_have_text(f"{device} is online.", timeout=WAIT_MS)

    assert saved.read_bytes() == uf2()


async def test_leaving_the_page_ends_the_writing_and_tells_the_state(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    keep(gateway, "esp32cam", official_esp32())
    async with rom_loader(tmp_path) as loader, web_serial(page, loader) as port:
        form = await open_form(page, gateway, device, "esp32cam")
        await press(form)
        await expect(form.get_by_role("status")).to_contain_text("Written: ", timeout=WAIT_MS)
        await page.get_by_role("link", name="Devices").first.click()
        await expect(page.locator("#announcement")).to_contain_text("cannot start", timeout=WAIT_MS)
        assert port.is_closed
