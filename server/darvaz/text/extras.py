"""How to install an extra of pyproject.toml, as a command that can be copied from an error message."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def how_to_install(extra: str, package: Path = _PACKAGE) -> str:
    """Returns the command for this Python if Darvaz runs from its checkout, else what to do in one."""
    checkout = package.parents[1]
    if (checkout / "pyproject.toml").is_file() and package.parent.name == "server":
        return f"{shlex.quote(sys.executable)} -m pip install -e {shlex.quote(f'{checkout}[{extra}]')}"
    return f"pip install '.[{extra}]' in the folder that Darvaz was installed from"
