"""The board library with other constants: waits that are half a minute at home would keep a test waiting."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.micropython import LIBRARY

Patch = Mapping[str, Mapping[str, Any]]
"""By module, and name of the constant there: its value."""


def write_library(folder: Path, patch: Patch) -> Path:
    """Writes the library as source below a folder, with these constants; it may replace what is there."""
    shutil.copytree(
        LIBRARY / "darvaz", folder / "darvaz", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
    )
    for compiled in (folder / "darvaz").glob("*.mpy"):
        compiled.unlink()
    for module, constants in patch.items():
        file = folder / "darvaz" / f"{module}.py"
        text = file.read_text(encoding="utf-8")
        for name, value in constants.items():
            text, count = re.subn(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
            assert count == 1, f"{module}.{name} is not a constant"
        file.write_text(text, encoding="utf-8")
    return folder
