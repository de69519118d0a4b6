"""mypyc and what it needs: those that are installed, or a copy that is downloaded for one build."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

# As the extra `compile` in pyproject.toml.
REQUIREMENTS = ("mypy[mypyc]>=1.14,<3",)
# No hot module uses one of these packages, but what it imports does: with them mypyc reads a thousand modules instead
# of half as many, and makes the same C.
NOT_READ = (
    "aioesphomeapi", "anyio", "apprise", "click", "cryptography", "h11", "httpcore", "httpx", "markdown_it", "paho",
    "prometheus_client", "rich", "starlette", "websockets", "zeroconf",
)  # fmt: skip
INSTALL_DEADLINE_S = 300.0


class CannotCompileError(Exception):
    """Nothing was compiled; the text says why and what to do."""


def install_tools(folder: Path) -> None:
    """Downloads the tools into this folder unless they are installed; raises `CannotCompileError`."""
    folder.mkdir()
    if all(importlib.util.find_spec(name) for name in ("mypyc", "setuptools")):
        return
    if importlib.util.find_spec("pip") is None:
        raise CannotCompileError(f"mypyc is not installed, and neither is pip: install {REQUIREMENTS[0]!r}")
    # Most of its modules are never imported, so none is compiled to bytecode.
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--target", str(folder)]
    try:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, *REQUIREMENTS],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=INSTALL_DEADLINE_S,
            env={"PIP_RETRIES": "2", **os.environ},
        )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise CannotCompileError(f"mypyc cannot be downloaded: pip install {REQUIREMENTS[0]!r} says why") from None
