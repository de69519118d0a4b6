"""Runs each JavaScript test file of this folder on Node.js."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.needs import missing

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.test.js"))
NODE_MAJOR_MIN = 18
DEADLINE_S = 100
RUNNER = FOLDER / "each-file.mjs"


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


@pytest.fixture(scope="module")
def results(node: str) -> dict[str, dict[str, Any]]:
    """The exit code and the output of each file."""
    # Times are shown in the reader's zone: the tests have a fixed one.
    environment = {**os.environ, "TZ": "UTC"}

    # Without `--test`, which starts one more process for each file.
    command = [node, str(RUNNER), *map(str, FILES)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, env=environment)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    return cast("dict[str, dict[str, Any]]", json.loads(ran.stdout))


def test_there_are_javascript_tests() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_javascript(results: dict[str, dict[str, Any]], file: Path) -> None:
    ran = results[str(file)]

    assert ran["code"] == 0, ran["output"]
    assert re.search(r"^(?:#|ℹ) pass [1-9]", ran["output"], re.MULTILINE), ran["output"]


def test_a_file_that_fails_is_noticed_and_the_next_one_runs(node: str, tmp_path: Path) -> None:
    failing, passing = tmp_path / "failing.test.mjs", tmp_path / "passing.test.mjs"
    for file, wanted in ((failing, 2), (passing, 1)):
        test = f'test("one", () => assert.equal(1, {wanted}));'
        file.write_text(f'import assert from "node:assert";\nimport {{ test }} from "node:test";\n{test}\n')

    ran = subprocess.run([node, str(RUNNER), str(failing), str(passing)], capture_output=True, timeout=DEADLINE_S)
    results = json.loads(ran.stdout)

    assert results[str(failing)]["code"] != 0
    assert "not ok 1 - one" in results[str(failing)]["output"] or "fail 1" in results[str(failing)]["output"]
    assert results[str(passing)]["code"] == 0
