"""A maker's program: which files of its folder are for a board, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.pytest_plugin.errors import BenchError
from darvaz.pytest_plugin.program import program_files


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_files_keep_their_paths_and_main_comes_last(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "servo.py", "lib/bme280.py", "www/index.html")

    assert list(program_files(tmp_path)) == ["/lib/bme280.py", "/servo.py", "/www/index.html", "/main.py"]
    assert program_files(tmp_path)["/lib/bme280.py"] == tmp_path / "lib/bme280.py"


def test_other_files_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "config.json", "config.example.json", "test_main.py", "conftest.py", "pyproject.toml")
    make(tmp_path, ".git/HEAD", "tests/test_it.py", "__pycache__/main.pyc", "lib/test_bme280.py", "machine.pyi")

    assert list(program_files(tmp_path)) == ["/main.py"]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"there is no folder .*/nowhere with a program"):
        program_files(tmp_path / "nowhere")
