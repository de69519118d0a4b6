"""Runs each JavaScript test file of this folder on Node.js."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.needs import missing

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.test.js"))
NODE_MAJOR_MIN = 18
DEADLINE_S = 60


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node.js, in a version that has `node:test`."""
    found = shutil.which("node")
    if found is None:
        missing("Node.js is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MAJOR_MIN:
        missing(f"Node.js {version} is older than {NODE_MAJOR_MIN}")
    return found


def test_there_are_javascript_tests() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_javascript(node: str, file: Path) -> None:
    # Times are shown in the reader's zone: the tests have a fixed one.
    environment = {**os.environ, "TZ": "UTC"}

    # Without `--test`, which starts one more process for each file.
    ran = subprocess.run([node, str(file)], capture_output=True, text=True, timeout=DEADLINE_S, env=environment)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^(?:#|ℹ) pass [1-9]", ran.stdout, re.MULTILINE), ran.stdout
