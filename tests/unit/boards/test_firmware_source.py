"""Only programs are firmware: settings beside them are not copied."""

from __future__ import annotations

import json
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


def test_program_and_settings_of_a_maker_stay_in_a_kept_flash(
    firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmware_source, "firmware_folder", lambda: firmware)
    flash = tmp_path / "flash"
    assert write_flash(flash, "pico", "pan-tilt", "ws://127.0.0.1:3000", "dvz_old") is True
    (flash / "main.py").write_text("print('mine')")
    (flash / "servo.py").write_text("old")
    config = json.loads((flash / "config.json").read_text())
    (flash / "config.json").write_text(json.dumps({**config, "pin": 7}))

    is_ours = write_flash(flash, "pico", "pan-tilt", "ws://127.0.0.1:3001", None)

    assert is_ours is False
    assert (flash / "main.py").read_text() == "print('mine')"
    assert (flash / "servo.py").read_text() != "old"
    config = json.loads((flash / "config.json").read_text())
    assert (config["pin"], config["gateways"], "token" in config) == (7, ["ws://127.0.0.1:3001"], False)
