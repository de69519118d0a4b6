"""Loads a folder of automations: one file that cannot be loaded does not keep the others from running."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from darvaz.automations import declarations
from darvaz.automations.declarations import Automation
from darvaz.gateway.automation_process.files import files_of

_PREFIX = "darvaz_automation_files"


def load(folder: Path) -> tuple[list[Automation], dict[str, str]]:
    """Returns the automations of a folder, and by file name why it could not be loaded."""
    declarations.declared.clear()
    sys.path.insert(0, str(folder))
    problems: dict[str, str] = {}
    for path in files_of(folder):
        before = len(declarations.declared)
        try:
            _load(path)
        except Exception as error:  # noqa: BLE001 (somebody else's program may raise anything)
            del declarations.declared[before:]
            problems[path.name] = _sentence(path, error)
    return list(declarations.declared), problems


def _load(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"{_PREFIX}.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _sentence(path: Path, error: Exception) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    where = f"line {line}: " if line else ""
    return f"{where}{type(error).__name__}: {error}"
