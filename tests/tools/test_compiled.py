"""The compiled hot path is used while it is what the sources say, and nobody needs a compiler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import darvaz
from darvaz.compiled import HOT_MODULES, SUFFIX, path_of
from tests.support.needs import VARIABLE, missing

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD_DEADLINE_S = 600
MODULE = "darvaz.gateway.session.session"
ASK = f"import darvaz, sys, {MODULE}; print(darvaz.is_compiled, sys.modules['{MODULE}'].__file__)"

pytestmark = [pytest.mark.timeout(BUILD_DEADLINE_S), pytest.mark.xdist_group("compiled")]


class Checkout:
    """A copy of the sources with compiled modules of its own."""

    def __init__(self, folder: Path) -> None:
        self.server = folder / "server"
        self.package = self.server / "darvaz"
        shutil.copytree(REPOSITORY / "server" / "darvaz", self.package, ignore=shutil.ignore_patterns("__*__"))
        shutil.copytree(REPOSITORY / "shared", folder / "shared")

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("DARVAZ_COMPILED", "CC")}
        return subprocess.run(
            [sys.executable, *words],
            env={**clean, "PYTHONPATH": str(self.server), **environ},
            cwd=self.server.parent,
            capture_output=True,
            text=True,
            timeout=BUILD_DEADLINE_S,
        )

    def session(self, **environ: str) -> str:
        """Returns the file that the session is imported from, after Python's own word on it."""
        is_compiled, file = self.run("-c", ASK, **environ).stdout.split()
        assert (is_compiled == "True") == file.endswith(SUFFIX)
        return file


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    copy = Checkout(tmp_path_factory.mktemp("checkout"))
    made = copy.run("-m", "darvaz.compiled")
    if "not compiled: there is no C compiler" in made.stderr or "Python.h is missing" in made.stderr:
        missing(made.stderr.strip())
    assert made.returncode == 0, made.stderr
    assert "Compiling" in made.stdout
    yield copy


def test_compiled_modules_are_what_is_imported_until_their_source_changes(checkout: Checkout) -> None:
    assert checkout.session().endswith(SUFFIX)
    source = checkout.package / "gateway" / "session" / "session.py"
    before = source.read_text()

    source.write_text(before + "\n# One line more.\n")
    assert checkout.session() == str(source)

    source.write_text(before)
    assert checkout.session().endswith(SUFFIX)


@pytest.mark.parametrize("name", ["gateway/session/events.py", "gateway/websocket/masking.c"])
def test_a_source_that_compiled_modules_lean_on_counts_too(checkout: Checkout, name: str) -> None:
    source = checkout.package / name
    before = source.read_text()

    source.write_text(before + "\n")
    assert checkout.session().endswith(".py")

    source.write_text(before)


@pytest.mark.parametrize("word", ["no", "0", "False", "off"])
def test_plain_python_runs_at_will(checkout: Checkout, word: str) -> None:
    assert checkout.session(DARVAZ_COMPILED=word).endswith(".py")
    assert checkout.run("-m", "darvaz", "--version", DARVAZ_COMPILED=word).stdout.endswith("plain Python\n")


def test_what_is_compiled_already_is_left_alone(checkout: Checkout) -> None:
    again = checkout.run("-m", "darvaz.compiled", CC="no-such-compiler")

    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_manifest_that_was_cut_off_is_no_manifest(checkout: Checkout) -> None:
    (manifest,) = (checkout.package / "__compiled__").glob("*/manifest.txt")
    before = manifest.read_text()

    for broken in (
        "",
        "x",
        before[: len(before) // 2],
        before.replace("session.py", "nothing.py"),
    ):
        manifest.write_text(broken)
        assert checkout.session().endswith(".py")

    manifest.write_text(before)


def test_a_machine_without_a_compiler_runs_plain_python_and_says_so(tmp_path: Path) -> None:
    copy = Checkout(tmp_path)

    wanted = copy.run("-m", "darvaz.compiled", CC="no-such-compiler")
    tried = copy.run("-m", "darvaz.compiled", "--if-possible", CC="no-such-compiler")

    assert wanted.returncode == 1
    assert "there is no C compiler (no-such-compiler): apt install gcc" in wanted.stderr
    assert tried.returncode == 0
    assert "The gateway runs all the same, at half the speed." in tried.stdout
    assert copy.session().endswith(".py")
    assert not any((copy.package / "__compiled__").glob("*"))


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(tmp_path: Path) -> None:
    copy = Checkout(tmp_path)
    source = copy.package / "gateway" / "session" / "session.py"
    source.write_text(source.read_text() + "\n1 +\n")

    made = copy.run("-m", "darvaz.compiled")

    assert made.returncode == 1
    assert "invalid syntax" in made.stderr.lower()
    assert not any((copy.package / "__compiled__").glob("*"))


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason="a person may test plain Python")
def test_continuous_integration_tests_what_is_compiled() -> None:
    assert darvaz.is_compiled


@pytest.mark.parametrize("name", HOT_MODULES)
def test_a_compiled_module_keeps_to_what_is_the_same_when_it_is_compiled(name: str) -> None:
    source = (REPOSITORY / "server" / "darvaz" / path_of(name)).read_text()

    # It lies elsewhere then, and its coroutines do not bear to be cancelled without a warning (Python 3.12).
    assert not re.search(r"\b(__file__|async def)\b", source)
