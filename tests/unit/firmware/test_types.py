"""The types of the boards' files: checked against MicroPython's stubs, and a fault in them is found."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from darvaz.boards.program.new import write_project
from tools import check_firmware

FAULTS = {
    "a function that MicroPython lacks": ("pico", "pico/servo.py", "time.sleep_seconds(1)", "sleep_seconds"),
    "a method that the hardware lacks": ("pico", "pico/board.py", "machine.ADC(4).read_volts()", "read_volts"),
    "a module of CPython": ("pico", "lib/darvaz/device.py", "import dataclasses", "dataclasses"),
    "an argument the driver does not take": (
        "esp32cam",
        "esp32cam/sensor.py",
        "import camera\ncamera.Camera(pixelformat=1)",
        "pixelformat",
    ),
    "a mistake in a function without annotations": (
        "esp32cam",
        "lib/darvaz/device.py",
        "def f():\n    return time.ticks_ms('now')",
        "ticks_ms",
    ),
}


# mypy reads the stubs again for each of them; `make lint` checks the files as well.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _stubs() -> None:
    try:
        for board in check_firmware.STUBS:
            check_firmware.install_stubs(board)
    except check_firmware.StubsMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("board", check_firmware.STUBS)
def test_every_file_of_a_board_has_sound_types(board: str) -> None:
    result = check_firmware.check(board)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(fault: str, tmp_path: Path) -> None:
    board, name, code, word = FAULTS[fault]
    firmware = tmp_path / "firmware"
    shutil.copytree(check_firmware.ROOT / "firmware", firmware)
    with (firmware / name).open("a", encoding="utf-8") as file:
        file.write(f"\n{code}\n")

    result = check_firmware.check(board, firmware)

    found = [line for line in result.stdout.splitlines() if name in line and "error:" in line]
    assert result.returncode == 1
    assert word in "\n".join(found)


@pytest.mark.parametrize("mistake", ["", "device.log.inform(1)", "board.temperature()", "device.command(every=1)"])
def test_a_new_project_has_sound_types_and_a_mistake_in_it_is_found(mistake: str, tmp_path: Path) -> None:
    write_project(tmp_path, "pico")
    program = (tmp_path / "main.py").read_text(encoding="utf-8").replace("device.run()", f"{mistake}\ndevice.run()")
    (tmp_path / "main.py").write_text(program, encoding="utf-8")

    result = check_firmware.check_project(tmp_path, "pico")

    assert (result.returncode, mistake != "") in ((0, False), (1, True)), result.stdout + result.stderr


def test_stubs_are_installed_on_a_fresh_machine_and_only_once(tmp_path: Path) -> None:
    folder = check_firmware.install_stubs("pico", tmp_path)

    assert (folder / "machine.pyi").is_file()
    assert (folder / "stdlib" / "VERSIONS").is_file()
    assert [entry.name for entry in folder.parent.iterdir()] == ["pico"]
    assert check_firmware.install_stubs("pico", tmp_path) == folder


def test_stubs_are_not_where_python_looks() -> None:
    assert importlib.util.find_spec("machine") is None


def test_stubs_that_cannot_be_had_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(check_firmware.STUBS, "pico", ("micropython-rp2-rpi_pico_w-stubs==0.0.0",))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(check_firmware.StubsMissing, match="could not install micropython-rp2"):
        check_firmware.install_stubs("pico", tmp_path)
