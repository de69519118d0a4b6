"""Compiles the hot path with mypyc, in a folder of its own, and puts the result in its place in one step."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from darvaz.compiled import (
    C_MODULES,
    HOT_MODULES,
    LIBRARY,
    MANIFEST,
    PLACE,
    c_path_of,
    dump_manifest,
    file_of,
    is_fresh,
    path_of,
)

COMPILE_DEADLINE_S = 900.0
_PACKAGE = Path(__file__).resolve().parent.parent
_LOG_LINES = 12


class CannotCompileError(Exception):
    """Nothing was compiled; the sentence says why and what to do."""


def build() -> None:
    """Compiles the hot path if it is not compiled as it stands; raises `CannotCompileError`."""
    if is_fresh(PLACE):
        return
    _check_tools()
    manifest = dump_manifest([*sources_of(HOT_MODULES), *map(c_path_of, C_MODULES)])
    try:
        PLACE.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=PLACE.parent) as folder:
            made = Path(folder) / "made"
            _compile(Path(folder), made)
            (made / MANIFEST).write_text(manifest, encoding="utf-8")
            _put_in_place(made, Path(folder) / "old")
    except OSError as error:
        raise CannotCompileError(f"{error.filename or PLACE.parent}: {error.strerror}") from None


def _check_tools() -> None:
    if importlib.util.find_spec("mypyc") is None or importlib.util.find_spec("setuptools") is None:
        raise CannotCompileError("mypyc is not installed: pip install 'mypy[mypyc]'")
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if sys.platform != "win32" and shutil.which(compiler) is None:
        raise CannotCompileError(f"there is no C compiler ({compiler}): apt install gcc, or your system's like")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise CannotCompileError("Python.h is missing: apt install python3-dev, or your system's like")


def _compile(folder: Path, made: Path) -> None:
    """Runs mypyc and the compiler in a process of their own; what they say is told only if they fail."""
    command = [sys.executable, "-m", "darvaz.compiled.mypyc_setup", str(folder), str(made)]
    environ = {**os.environ, "PYTHONPATH": str(_PACKAGE.parent), "DARVAZ_COMPILED": "no"}
    try:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=_PACKAGE.parent, env=environ,
            timeout=COMPILE_DEADLINE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotCompileError(f"the compiler did not end within {COMPILE_DEADLINE_S:g} s") from None
    missing = [name for name in (*HOT_MODULES, *C_MODULES, LIBRARY) if not file_of(name, made).exists()]
    if ended.returncode != 0 or missing:
        said = "\n".join(line for line in ended.stdout.splitlines()[-_LOG_LINES:])
        raise CannotCompileError(f"the compiler failed:\n{said}")


def _put_in_place(made: Path, old: Path) -> None:
    """Exchanges what is there for what was made; a program that runs keeps what it has loaded."""
    with contextlib.suppress(FileNotFoundError):
        PLACE.rename(old)
    try:
        made.rename(PLACE)
    except OSError:
        # Another build was quicker.
        if not is_fresh(PLACE):
            raise


def sources_of(names: tuple[str, ...]) -> list[str]:
    """Returns the paths within the package of some modules, and of all that they lean on directly."""
    return sorted({path for name in names for path in (path_of(name), *_imported_by(path_of(name)))})


def _imported_by(path: str) -> list[str]:
    tree = ast.parse((_PACKAGE / path).read_text(encoding="utf-8"))
    named = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return [path_of(module) for module in named if module.startswith("darvaz.")]
