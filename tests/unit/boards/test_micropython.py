"""Virtual boards run on the wheel of MicroPython's unix port, or on a program of that name."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

import pytest

from darvaz.boards.virtual.micropython import NoMicroPython, start_command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the PATH, on a machine without the wheel."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def write_program(folder: Path, output: str) -> Path:
    program = folder / "micropython"
    program.write_text(f"#!/bin/sh\necho {output}\n")
    program.chmod(0o755)
    return program


def test_without_the_wheel_a_program_on_the_path_is_started(folder: Path) -> None:
    program = write_program(folder, "micropython 1 24")

    assert start_command()[-1] == str(program)


@pytest.mark.parametrize("output", ["micropython 1 22", "cpython 3 11", "", "micropython x y"])
def test_a_program_that_is_too_old_or_something_else_is_refused(folder: Path, output: str) -> None:
    program = write_program(folder, output)

    with pytest.raises(NoMicroPython, match=rf"need MicroPython 1\.24 or newer, with ssl: {program} is not"):
        start_command()


def test_a_machine_with_a_wheel_is_advised_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    with pytest.raises(NoMicroPython, match=r"pip install .*\[simulate\]"):
        start_command()


def test_a_raspberry_pi_is_advised_what_to_do_instead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    with pytest.raises(NoMicroPython, match=r"no wheel of it for Linux on aarch64: .* docs/virtual-board\.md says how"):
        start_command()
