"""Compiles the hot path with mypyc in a temporary folder, and replaces the last build in one step."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from darvaz.compiled import (
    BUILD_FOLDER,
    C_MODULES,
    HOT_MODULES,
    LIBRARY,
    MANIFEST,
    c_path_of,
    dump_manifest,
    file_of,
    is_fresh,
    path_of,
)
from darvaz.compiled.tools import CannotCompileError, install_tools

COMPILE_DEADLINE_S = 900.0
# Within `__compiled__`: temporary folders, and the manifest of sources that the compiler refused.
_BUILD_PREFIX = "build-"
_FAILED = "failed"
_PACKAGE = Path(__file__).resolve().parent.parent
_LOG_LINES = 12
# In a build: says that the C compiler did only what is quick.
_FOR_TESTS = "for-tests"


def is_built(*, for_tests: bool = False) -> bool:
    """Whether the hot path is compiled as its sources are; for tests only, if that is all it is wanted for."""
    return is_fresh(BUILD_FOLDER) and (for_tests or not (BUILD_FOLDER / _FOR_TESTS).exists())


def build(*, for_tests: bool = False) -> None:
    """Compiles the hot path unless it is compiled as its sources are; raises `CannotCompileError`.

    For tests the C compiler optimises less, in half of the time, until `build` is called for use.
    """
    if is_built(for_tests=for_tests):
        return
    check_compiler()
    manifest = _current_manifest()
    try:
        BUILD_FOLDER.parent.mkdir(exist_ok=True)
        _remove_abandoned()
        with tempfile.TemporaryDirectory(prefix=_BUILD_PREFIX, dir=BUILD_FOLDER.parent) as name:
            folder = Path(name)
            made = folder / "made"
            install_tools(folder / "tools")
            try:
                _compile(folder, made, "1" if for_tests else "3")
            except CannotCompileError:
                (BUILD_FOLDER.parent / _FAILED).write_text(manifest, encoding="utf-8")
                raise
            (made / MANIFEST).write_text(manifest, encoding="utf-8")
            if for_tests:
                (made / _FOR_TESTS).touch()
            _replace_build(made, folder / "old")
            (BUILD_FOLDER.parent / _FAILED).unlink(missing_ok=True)
    except OSError as error:
        raise CannotCompileError(f"{error.filename or BUILD_FOLDER.parent}: {error.strerror}") from None


def is_building() -> bool:
    """Whether another process compiles at this moment."""
    return any(_age_s(folder) < COMPILE_DEADLINE_S for folder in BUILD_FOLDER.parent.glob(f"{_BUILD_PREFIX}*"))


def has_failed() -> bool:
    """Whether the compiler refused the sources as they are now."""
    try:
        return (BUILD_FOLDER.parent / _FAILED).read_text(encoding="utf-8") == _current_manifest()
    except OSError:
        return False


def check_compiler() -> None:
    """Raises `CannotCompileError` unless this machine can compile for this Python."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if sys.platform != "win32" and shutil.which(compiler) is None:
        raise CannotCompileError(f"there is no C compiler ({compiler}): sudo apt install gcc, or your system's package")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise CannotCompileError("Python.h is missing: sudo apt install python3-dev, or your system's package")


def _compile(folder: Path, made: Path, level: str) -> None:
    """Runs mypyc and the compiler in another process; their output is shown only if they fail."""
    sources = folder / "sources"
    # mypy refuses to check a package where it is installed.
    _copy_sources(sources / _PACKAGE.name)
    command = [sys.executable, "-m", "darvaz.compiled.mypyc_setup", str(folder), str(made), level]
    path = os.pathsep.join([str(sources), str(folder / "tools")])
    environ = {**os.environ, "PYTHONPATH": path, "DARVAZ_COMPILED": "no"}
    try:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=sources, env=environ,
            timeout=COMPILE_DEADLINE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotCompileError(f"the compiler did not end within {COMPILE_DEADLINE_S:g} s") from None
    missing = [name for name in (*HOT_MODULES, *C_MODULES, LIBRARY) if not file_of(name, made).exists()]
    if ended.returncode != 0 or missing:
        lines = "\n".join(ended.stdout.splitlines()[-_LOG_LINES:])
        raise CannotCompileError(f"the compiler failed:\n{lines}")


def _copy_sources(folder: Path) -> None:
    for file in _PACKAGE.rglob("*"):
        within = file.relative_to(_PACKAGE)
        if file.suffix in (".py", ".c") and not within.parts[0].startswith("__c"):
            (folder / within).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / within)


def _replace_build(made: Path, old: Path) -> None:
    """Replaces what is there; a program that runs keeps what it has loaded."""
    with contextlib.suppress(FileNotFoundError):
        BUILD_FOLDER.rename(old)
    try:
        made.rename(BUILD_FOLDER)
    except OSError:
        # Another build was faster.
        if not is_fresh(BUILD_FOLDER):
            raise


def _remove_abandoned() -> None:
    for folder in BUILD_FOLDER.parent.glob(f"{_BUILD_PREFIX}*"):
        if _age_s(folder) > COMPILE_DEADLINE_S:
            shutil.rmtree(folder, ignore_errors=True)


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return float("inf")


def _current_manifest() -> str:
    return dump_manifest([*sources_of(HOT_MODULES), *map(c_path_of, C_MODULES)])


def sources_of(names: tuple[str, ...]) -> list[str]:
    """Returns the paths within the package of some modules, and of all that they import directly."""
    return sorted({path for name in names for path in (path_of(name), *_imported_by(path_of(name)))})


def _imported_by(path: str) -> list[str]:
    tree = ast.parse((_PACKAGE / path).read_text(encoding="utf-8"))
    named = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return [path_of(module) for module in named if module.startswith("darvaz.")]
