"""Images of MicroPython for the browser: kept by a verb, fetched by the gateway, and read in full or in ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.boards.serial.images import read_image
from darvaz.boards.serial.kept_images import keep_image
from darvaz.gateway.micropython_images import MicropythonImages
from tests.support.api import assert_problem
from tests.support.app import RunningApp
from tests.support.board_images import RP2350, esp32, uf2
from tests.support.download_site import Site

pytestmark = pytest.mark.timeout(120)
SHA256 = hashlib.sha256(uf2()).hexdigest()
PATH = "/api/micropython/pico_w"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    running = Site()
    monkeypatch.setenv("DARVAZ_TEST_RELEASE", f"{running.url}/pico.uf2")
    yield running
    running.close()


def images_of(gateway: RunningApp) -> MicropythonImages:
    """Returns the images of a gateway that fetches them from `site`."""
    return MicropythonImages(gateway.data, "tests.support.fetched_image")


async def test_without_an_image_the_list_is_empty_and_the_command_is_told() -> None:
    async with RunningApp() as gateway:
        listed = (await gateway.get("/api/micropython")).json()
        missing = await gateway.get(PATH)
        unknown = await gateway.get("/api/micropython/pico")

    assert listed == {"images": []}
    assert_problem(missing, 404, "no_image")
    assert "`darvaz firmware --for-browser pico_w`" in missing.json()["detail"]
    assert_problem(unknown, 404, "not_found")


async def test_an_image_that_the_verb_kept_is_read_in_full_and_in_ranges(tmp_path: Path) -> None:
    file = tmp_path / "pico.uf2"
    file.write_bytes(uf2())
    async with RunningApp() as gateway:
        kept = await gateway.run_cli("firmware", "--for-browser", "pico_w", "--file", str(file), "--json")
        listed = (await gateway.get("/api/micropython")).json()["images"]
        whole = await gateway.get(PATH)
        part = await gateway.get(PATH, headers={"Range": "bytes=512-1023"})
        end = await gateway.get(PATH, headers={"Range": "bytes=-1"})
        beyond = await gateway.get(PATH, headers={"Range": f"bytes={len(uf2())}-"})

    assert kept.exit_code == 0, kept.output
    assert listed == [
        {
            "board": "pico_w",
            "name": "pico.uf2",
            "machine": "Raspberry Pi Pico W with RP2040",
            "version": "1.29.0",
            "chip": "RP2040",
            "sha256": SHA256,
            "size_bytes": len(uf2()),
        }
    ]
    assert (whole.status_code, whole.content, whole.headers["etag"]) == (200, uf2(), f'"{SHA256}"')
    assert int(whole.headers["content-length"]) == len(uf2())
    assert (part.status_code, part.content) == (206, uf2()[512:1024])
    assert part.headers["content-range"] == f"bytes 512-1023/{len(uf2())}"
    assert (end.content, beyond.status_code) == (uf2()[-1:], 416)


@pytest.mark.parametrize(
    ("board", "data", "sentence"),
    [
        ("pico_w", uf2("Raspberry Pi Pico 2 W with RP2350", RP2350), "this board has the RP2040"),
        ("pico_2_w", uf2(), "this board has the RP2350"),
        ("pico_w", uf2("Raspberry Pi Pico with RP2040"), "no Wi-Fi"),
        ("esp32cam", esp32(chip=9), "for the ESP32-S3"),
        ("esp32cam", esp32(words=b""), "without the camera driver"),
    ],
    ids=["Pico 2", "Pico", "no Wi-Fi", "ESP32-S3", "no camera"],
)
async def test_the_image_of_another_board_is_not_kept(tmp_path: Path, board: str, data: bytes, sentence: str) -> None:
    file = tmp_path / "image"
    file.write_bytes(data)
    async with RunningApp() as gateway:
        kept = await gateway.run_cli("firmware", "--for-browser", board, "--file", str(file))
        listed = (await gateway.get("/api/micropython")).json()

    assert kept.exit_code == 1
    assert sentence in kept.output
    assert listed == {"images": []}


async def test_without_a_data_folder_the_verb_says_which_one_it_wants(tmp_path: Path) -> None:
    async with RunningApp() as gateway:
        kept = await gateway.run_cli("firmware", "--for-browser", "pico_w", "--data", str(tmp_path / "none"))

    assert kept.exit_code == 1
    assert "--data" in kept.output


async def test_a_newer_image_takes_the_place_of_the_older_one() -> None:
    newer = uf2(size_bytes=130_000)
    async with RunningApp() as gateway:
        keep_image(gateway.data, "esp32cam", read_image("camera.bin", esp32()))
        keep_image(gateway.data, "pico_w", read_image("old.uf2", uf2()))
        keep_image(gateway.data, "pico_w", read_image("new.uf2", newer))
        listed = (await gateway.get("/api/micropython")).json()["images"]
        read = await gateway.get(PATH)
        files = {path.name for path in (gateway.data / "micropython").iterdir()}

    assert [image["name"] for image in listed] == ["camera.bin", "new.uf2"]
    assert read.content == newer
    assert len(files) == 4


async def test_the_gateway_fetches_the_published_image_once_it_is_asked(site: Site) -> None:
    site.files["/pico.uf2"] = uf2()
    async with RunningApp() as gateway:
        gateway.parts.micropython = images_of(gateway)
        fetched = await gateway.post(PATH)
        read = await gateway.get(PATH)
        entries = await gateway.journal(type="image fetched")

    assert (fetched.status_code, fetched.json()["sha256"]) == (200, SHA256)
    assert read.content == uf2()
    assert [SHA256 in str(entry) for entry in entries] == [True]


async def test_what_is_not_the_published_image_is_not_kept(site: Site) -> None:
    site.files["/pico.uf2"] = uf2(size_bytes=130_000)
    async with RunningApp() as gateway:
        gateway.parts.micropython = images_of(gateway)
        changed = await gateway.post(PATH)
        unpublished = await gateway.post("/api/micropython/pico_2_w")
        site.files.clear()
        missing = await gateway.post(PATH)
        listed = (await gateway.get("/api/micropython")).json()

    for refused, sentence in (
        (changed, "is not the published one"),
        (unpublished, "`darvaz firmware --for-browser pico_2_w` fetches it"),
        (missing, "could not be downloaded"),
    ):
        assert_problem(refused, 503, "no_image")
        assert sentence in refused.json()["detail"]
    assert listed == {"images": []}


async def test_an_image_that_does_not_arrive_in_time_is_given_up(site: Site) -> None:
    async with RunningApp() as gateway:
        gateway.parts.micropython = MicropythonImages(gateway.data, "tests.support.fetched_image", deadline_s=0.001)
        late = await gateway.post(PATH)

    assert_problem(late, 503, "no_image")
    assert "did not arrive in 0.001 s" in late.json()["detail"]


async def test_what_is_damaged_in_the_folder_is_not_listed() -> None:
    async with RunningApp() as gateway:
        path = keep_image(gateway.data, "pico_w", read_image("pico.uf2", uf2()))
        path.write_bytes(uf2()[:-1])
        short = (await gateway.get("/api/micropython")).json()
        for text in ("", "[]", '{"board": "pico_w", "sha256": "../../secret"}'):
            (gateway.data / "micropython" / "pico_w.json").write_text(text)
            assert (await gateway.get("/api/micropython")).json() == {"images": []}
        kept = keep_image(gateway.data, "pico_w", read_image("pico.uf2", uf2()))

    assert short == {"images": []}
    assert kept.name == f"{SHA256}.image"
