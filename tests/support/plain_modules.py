"""Modules in plain Python that are replaced where they are compiled: to compare the two."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def load_plain(source: Path) -> ModuleType:
    """Returns the module of a source file in plain Python, also where it is compiled; not the one in use."""
    spec = importlib.util.spec_from_file_location(f"plain_{source.stem}", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
