"""Only programs are firmware: settings beside them are not copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.boards import firmware_source
from darvaz.boards.firmware_source import source_files
from darvaz.boards.flashing.firmware_files import read_deployed
from darvaz.boards.virtual.firmware import write_flash

SECRET = '{"token": "dvz_abcdefghij_secret"}'


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    """A folder of sources that also holds settings and keys."""
    folder = tmp_path / "firmware"
    for name in ("pico/main.py", "pico/servo.py", "lib/darvaz/device.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("pass\n")
    for name in ("pico/config.json", "pico/config-2.json", "pico/ca.der", "lib/darvaz/config.json", "pico/wifi.txt"):
        (folder / name).write_text(SECRET)
    return folder


def test_programs_come_after_the_library(firmware: Path) -> None:
    assert list(source_files("pico", firmware)) == ["/lib/darvaz/device.py", "/main.py", "/servo.py"]


def test_main_is_read_last(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware_source, "firmware_folder", lambda: firmware)

    assert list(read_deployed("pico").files) == ["/lib/darvaz/device.mpy", "/servo.py", "/main.py"]
    assert list(read_deployed("pico", is_source=True).files) == ["/lib/darvaz/device.py", "/servo.py", "/main.py"]


def test_settings_with_secrets_are_not_copied_to_a_virtual_board(
    firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmware_source, "firmware_folder", lambda: firmware)

    write_flash(tmp_path / "flash", "pico", "pan-tilt", "ws://127.0.0.1:3000", None)

    files = [file for file in (tmp_path / "flash").rglob("*") if file.is_file()]
    assert sorted(file.name for file in files) == ["config.json", "device.mpy", "main.py", "servo.py"]
    assert all(b"secret" not in file.read_bytes() for file in files)
