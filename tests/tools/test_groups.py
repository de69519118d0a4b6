"""Tests of one group run in one process, also with the pytest and the pytest-xdist that are installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.hil import pytest_in

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TESTS = """
import os, pathlib, time
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_it(number):
    time.sleep(0.05)
    with open(pathlib.Path(__file__).parent / "processes.txt", "a") as file:
        file.write("%d\\n" % os.getpid())
"""


@pytest.mark.slow
async def test_a_group_runs_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The copied file imports from the tests of this project.
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parents[1]))
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_group.py").write_text(TESTS)

    code, output = await pytest_in(tmp_path, "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider", is_exec=True)

    assert code == 0, output
    processes = (tmp_path / "processes.txt").read_text().split()
    assert len(processes) == 8
    assert len(set(processes)) == 1
