"""The compiled hot path is used while its sources are unchanged, and a machine without a compiler does without it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import darvaz
from darvaz.compiled import HOT_MODULES, SUFFIX, path_of
from darvaz.compiled.tools import NOT_READ
from tests.support.needs import VARIABLE, missing

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD_DEADLINE_S = 900
MODULE = "darvaz.gateway.session.session"
ASK = f"import darvaz, sys, {MODULE}; print(darvaz.is_compiled, sys.modules['{MODULE}'].__file__)"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(BUILD_DEADLINE_S), pytest.mark.xdist_group("compiled")]


@dataclass
class Copy:
    """A copy of the package with compiled modules of its own, and the Python that runs it."""

    package: Path
    python: str = sys.executable

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("DARVAZ_COMPILED", "CC")}
        return subprocess.run(
            [self.python, *words],
            env={**clean, "PYTHONPATH": str(self.package.parent), **environ},
            cwd=self.package.parent.parent,
            capture_output=True,
            text=True,
            timeout=BUILD_DEADLINE_S,
        )

    def session(self, **environ: str) -> str:
        """Returns the file that the session is imported from; `is_compiled` must agree with it."""
        is_compiled, file = self.run("-c", ASK, **environ).stdout.split()
        assert (is_compiled == "True") == file.endswith(SUFFIX)
        return file


def checkout_in(folder: Path) -> Copy:
    """Returns a copy of this copy."""
    package = folder / "server" / "darvaz"
    shutil.copytree(REPOSITORY / "server" / "darvaz", package, ignore=shutil.ignore_patterns("__*__"))
    shutil.copytree(REPOSITORY / "shared", folder / "shared")
    return Copy(package)


def wheel_in(folder: Path) -> Copy | None:
    """Returns our wheel, installed beside pip and without mypyc; None if the package index cannot be reached."""
    uv = (sys.executable, "-m", "uv", "--quiet")
    environment = folder / "environment"
    python = environment / "bin" / "python"
    subprocess.run([*uv, "venv", "--seed", "--python", sys.executable, str(environment)], timeout=BUILD_DEADLINE_S)
    install = [*uv, "pip", "install", "--python", str(python), str(REPOSITORY)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=BUILD_DEADLINE_S)
    if "Failed to fetch" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    (package,) = environment.glob("lib/python*/site-packages/darvaz")
    assert not list(package.parent.glob("mypyc"))
    return Copy(package, str(python))


def hurry(copy: Copy) -> None:
    """Gives what a copy runs the priority of a test, where we may: the other tests leave a lower one no time."""
    ours = f"PYTHONPATH={copy.package.parent}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if ours in (folder / "environ").read_bytes():
                os.setpriority(os.PRIO_PROCESS, int(folder.name), 0)


@pytest.fixture(scope="module")
def quick_compiler(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The C compiler, told last not to optimise: these tests load what it makes, and do not measure it."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    script = tmp_path_factory.mktemp("compiler") / "quick-compiler"
    script.write_text(f'#!/bin/sh\nexec {compiler} "$@" -O0\n')
    script.chmod(0o700)
    return str(script) if shutil.which(compiler.split()[0]) else compiler


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, quick_compiler: str) -> Copy:
    """A wheel that was compiled in the background, as `make serve` does it; offline, a checkout with our own mypyc."""
    folder = tmp_path_factory.mktemp("compiled")
    copy = wheel_in(folder) or checkout_in(folder)
    started = copy.run("-m", "darvaz.compiled", "--in-background", CC=quick_compiler)
    if "there is no C compiler" in started.stdout or "Python.h is missing" in started.stdout:
        missing(started.stdout.strip())
    assert "compiled in the background for the next start" in started.stdout
    log = copy.package / "__compiled__" / "compile.log"
    deadline_s = time.monotonic() + BUILD_DEADLINE_S
    while not list((copy.package / "__compiled__").glob("*/manifest.txt")):
        assert time.monotonic() < deadline_s and "not compiled" not in log.read_text(), log.read_text()
        hurry(copy)
        time.sleep(0.5)
    return copy


def test_compiled_modules_are_what_is_imported_until_their_source_changes(copy: Copy) -> None:
    assert copy.session().endswith(SUFFIX)
    source = copy.package / "gateway" / "session" / "session.py"
    before = source.read_text()

    source.write_text(before + "\n# One line more.\n")
    assert copy.session() == str(source)

    source.write_text(before)
    assert copy.session().endswith(SUFFIX)


def test_what_was_compiled_for_tests_is_compiled_again_on_request(copy: Copy) -> None:
    (manifest,) = (copy.package / "__compiled__").glob("*/manifest.txt")
    mark = manifest.parent / "for-tests"
    mark.touch()

    for_tests = copy.run("-m", "darvaz.compiled", "--for-tests", CC="no-such-compiler")
    for_use = copy.run("-m", "darvaz.compiled", CC="no-such-compiler")

    mark.unlink()
    assert for_tests.returncode == 0 and for_tests.stdout == ""
    assert for_use.returncode == 1 and "no-such-compiler" in for_use.stderr


@pytest.mark.parametrize("name", ["gateway/session/events.py", "gateway/websocket/masking.c"])
def test_a_source_that_compiled_modules_depend_on_counts_too(copy: Copy, name: str) -> None:
    source = copy.package / name
    before = source.read_text()

    source.write_text(before + "\n")
    assert copy.session().endswith(".py")

    source.write_text(before)


@pytest.mark.parametrize("word", ["no", "0", "False", "off"])
def test_plain_python_runs_on_request(copy: Copy, word: str) -> None:
    assert copy.session(DARVAZ_COMPILED=word).endswith(".py")
    assert copy.run("-m", "darvaz", "--version", DARVAZ_COMPILED=word).stdout.endswith("plain Python\n")


def test_a_build_of_unchanged_sources_does_nothing(copy: Copy) -> None:
    again = copy.run("-m", "darvaz.compiled", CC="no-such-compiler")

    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_second_start_does_not_compile_what_is_being_compiled(tmp_path: Path) -> None:
    copy = checkout_in(tmp_path)
    (copy.package / "__compiled__" / "build-by-another").mkdir(parents=True)

    started = copy.run("-m", "darvaz.compiled", "--in-background")

    assert "it is being compiled in the background" in started.stdout
    assert not (copy.package / "__compiled__" / "compile.log").exists()


def test_manifest_that_was_cut_off_is_not_used(copy: Copy) -> None:
    (manifest,) = (copy.package / "__compiled__").glob("*/manifest.txt")
    before = manifest.read_text()

    for broken in (
        "",
        "x",
        before[: len(before) // 2],
        before.replace("session.py", "nothing.py"),
    ):
        manifest.write_text(broken)
        assert copy.session().endswith(".py")

    manifest.write_text(before)


def test_a_machine_without_a_compiler_runs_plain_python_and_says_so(tmp_path: Path) -> None:
    copy = checkout_in(tmp_path)

    wanted = copy.run("-m", "darvaz.compiled", CC="no-such-compiler")
    tried = copy.run("-m", "darvaz.compiled", "--if-possible", CC="no-such-compiler")
    started = copy.run("-m", "darvaz.compiled", "--in-background", CC="no-such-compiler")

    assert wanted.returncode == 1
    assert "there is no C compiler (no-such-compiler): sudo apt install gcc" in wanted.stderr
    assert (tried.returncode, started.returncode) == (0, 0)
    assert started.stdout.startswith("The gateway runs as plain Python, at half the speed: there is no C compiler")
    assert "The gateway runs as plain Python, at half the speed." in tried.stdout
    assert copy.session().endswith(".py")
    assert not any((copy.package / "__compiled__").glob("*"))


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(tmp_path: Path) -> None:
    copy = checkout_in(tmp_path)
    source = copy.package / "gateway" / "session" / "session.py"
    # Python reads it, mypyc does not: it ends before it has looked at the types of everything.
    source.write_text(source.read_text() + "\ndef twice(name, name): ...\n")

    made = copy.run("-m", "darvaz.compiled")

    assert made.returncode == 1
    assert "session.py:" in made.stderr and "error: Duplicate" in made.stderr
    assert [file.name for file in (copy.package / "__compiled__").iterdir()] == ["failed"]
    assert "`make compile` tries again" in copy.run("-m", "darvaz.compiled", "--in-background").stdout


def test_a_package_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    copy = checkout_in(tmp_path)
    (copy.package / "__compiled__").write_text("in the way")

    made = copy.run("-m", "darvaz.compiled")

    assert made.returncode == 1
    assert made.stderr.count("\n") == 1 and "__compiled__: " in made.stderr


def test_an_installed_wheel_is_compiled_and_downloads_what_it_needs(copy: Copy) -> None:
    if copy.python == sys.executable:
        missing("the package index cannot be reached")

    shown = copy.run("-m", "darvaz", "--version", PYTHONPATH="")

    assert shown.stdout.endswith(", compiled\n")


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason="needed in continuous integration only")
def test_continuous_integration_tests_compiled_modules() -> None:
    assert darvaz.is_compiled


@pytest.mark.parametrize("name", HOT_MODULES)
def test_a_hot_module_uses_only_what_means_the_same_when_compiled(name: str) -> None:
    source = (REPOSITORY / "server" / "darvaz" / path_of(name)).read_text()

    # A compiled file is in another folder, and cancelling its coroutines causes a warning (Python 3.12).
    assert not re.search(r"\b(__file__|async def)\b", source)


@pytest.mark.parametrize("name", HOT_MODULES)
def test_a_hot_module_declares_no_answer_of_the_api(name: str) -> None:
    source = (REPOSITORY / "server" / "darvaz" / path_of(name)).read_text()

    # mypyc keeps `type` for the type of such a field, of which msgspec can make no schema.
    assert "Annotated[" not in source


@pytest.mark.parametrize("name", HOT_MODULES)
def test_a_hot_module_uses_no_package_that_mypyc_does_not_read(name: str) -> None:
    source = (REPOSITORY / "server" / "darvaz" / path_of(name)).read_text()

    assert not re.search(rf"^\s*(from|import) ({'|'.join(NOT_READ)})\b", source, re.MULTILINE)
