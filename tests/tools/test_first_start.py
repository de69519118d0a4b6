"""A fresh clone serves at once, with `make` and without, and installs only what serving needs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.needs import missing
from tools.pip_progress import LOG, explain

ROOT = Path(__file__).resolve().parents[2]
SIZE_BYTES_MAX = 120_000_000
START_DEADLINE_S = 280
# The README's way without make, with the extra that virtual boards need.
NO_MAKE = re.search(r"^```sh\n(python3 -m venv .*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("first_start")]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of this checkout that git has, and nothing else."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


@pytest.fixture
def environment() -> dict[str, str]:
    """The variables of a shell in which no virtual environment is active and nothing is compiled."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "INSTALL_LOCKED")
    }
    ours = str(Path(sys.executable).parent)
    path = os.pathsep.join(folder for folder in kept["PATH"].split(os.pathsep) if folder != ours)
    return {**kept, "PATH": path, "DARVAZ_COMPILED": "no"}


def first_page(process: subprocess.Popen[str], clone: Path) -> Iterator[str]:
    """Yields the lines that are printed until an address is, and the status of its page."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            yield str(httpx.get(found[0], trust_env=False).status_code)
            return
    if (clone / LOG).exists() and "cannot be reached" in explain((clone / LOG).read_text()):
        missing("the package index cannot be reached")


def test_make_serve_shows_the_first_page_from_a_small_environment(clone: Path, environment: dict[str, str]) -> None:
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    command = ["make", "serve", f"PYTHON={python}", "ARGS=--port 0 --host 127.0.0.1"]

    with subprocess.Popen(
        command, cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        shown = list(first_page(process, clone))
        os.killpg(process.pid, signal.SIGTERM)

    assert shown[-1] == "200", shown
    assert "The gateway runs as plain Python, at half the speed: DARVAZ_COMPILED=no.\n" in shown
    assert not any("WARNING" in line for line in shown)
    size = sum(file.lstat().st_size for file in (clone / ".venv").rglob("*"))
    assert size <= SIZE_BYTES_MAX


def test_the_commands_of_the_readme_without_make_do_the_same(clone: Path, environment: dict[str, str]) -> None:
    assert NO_MAKE is not None
    *install, serve = NO_MAKE[1].replace("-e .\n", "-e '.[simulate]'\n").splitlines()
    installed = subprocess.run(
        ["sh", "-e", "-c", "\n".join(install)], cwd=clone, env=environment, capture_output=True, text=True,
        timeout=START_DEADLINE_S,
    )  # fmt: skip
    if installed.returncode != 0 and "cannot be reached" in explain(installed.stdout + installed.stderr):
        missing("the package index cannot be reached")
    assert installed.returncode == 0, installed.stderr

    with subprocess.Popen(
        [*serve.split(), "--port", "0", "--host", "127.0.0.1"], cwd=clone, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        shown = list(first_page(process, clone))
        address = re.search(r"http://127\.0\.0\.1:\d+", shown[-2])
        assert shown[-1] == "200" and address is not None
        with subprocess.Popen(
            [".venv/bin/darvaz", "simulate"], cwd=clone, env={**environment, "DARVAZ_GATEWAY": address[0]},
            stdout=subprocess.PIPE, text=True,
        ) as simulation:  # fmt: skip
            assert simulation.stdout is not None
            assert any("online" in line for line in simulation.stdout)
            simulation.terminate()
        process.terminate()
