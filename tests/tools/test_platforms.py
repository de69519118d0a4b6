"""Everything that serving needs has a wheel for the machines that people have."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.needs import missing
from tools.pip_progress import explain

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_base_has_wheels_for(machine: str, python: str, tmp_path: Path) -> None:
    resolved = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary=:all:"),
            *("--target", str(tmp_path), "--python-version", python),
            *("--platform", f"manylinux_2_28_{machine}", "--platform", f"manylinux2014_{machine}"),
            # pip evaluates markers for the machine that it runs on; the only one of the base is for Windows.
            *(line.partition(";")[0] for line in BASE),
        ],
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip

    if "package index cannot be reached" in explain(resolved.stderr):
        missing("the package index cannot be reached")
    assert resolved.returncode == 0, resolved.stderr
    assert "Would install" in resolved.stdout
