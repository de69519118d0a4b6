"""What is installed: the lock is complete and names no server, and nothing in it has a known hole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

from tools import lock

PYPROJECT, LOCK = ((lock.ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", lock.LOCK))


def test_the_lock_has_all_that_pyproject_needs_with_hashes() -> None:
    assert lock.stale(PYPROJECT, LOCK) == []


def test_nothing_that_is_locked_or_allowed_has_a_known_hole() -> None:
    assert lock.holes(lock.locked(LOCK), "") == []
    assert lock.holes(lock.lowest(PYPROJECT), "") == []


def test_the_lock_names_no_server_and_no_path() -> None:
    lines = {re.sub(r"--hash=sha256:[0-9a-f]{64}", "HASH", line).strip(" \\") for line in LOCK.splitlines()}

    assert [
        line
        for line in lines
        if line != "HASH" and not re.fullmatch(r"[a-z0-9.-]+==(\d+!)?[\w.]+( ; [\w '<>=!().]+)?", line)
    ] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("h11==0.14.0 --hash=sha256:" + 64 * "0", "h11>=0.16 is not in requirements.lock"),
        ("other==1.0 --hash=sha256:" + 64 * "0", "h11>=0.16 is not in requirements.lock"),
        ("h11==0.16.0", "h11 has no hash"),
    ],
)
def test_a_stale_lock_is_told(text: str, problem: str) -> None:
    pyproject = '[project]\nname = "x"\ndependencies = ["h11>=0.16"]\n[project.optional-dependencies]\n'

    (sentence,) = lock.stale(pyproject, text)

    assert sentence.startswith(problem)


def test_a_version_below_its_floor_is_told() -> None:
    (sentence,) = lock.holes({"h11": {Version("0.14.0")}}, "here")

    assert sentence == "h11 0.14.0 here has a known hole (CVE-2025-43859): 0.16.0 has not"
    assert lock.holes({"h11": {Version("0.16.0")}}, "here") == []


def test_a_requirement_without_a_lower_bound_counts_as_the_first_version() -> None:
    pyproject = '[project]\nname = "x"\ndependencies = ["h11<1"]\n[project.optional-dependencies]\n'

    assert lock.holes(lock.lowest(pyproject), "") != []


def test_continuous_integration_installs_from_the_lock_and_audits() -> None:
    steps = Path(lock.ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert "export INSTALL_LOCKED=yes" in steps and "tools.lock --audit" in steps
