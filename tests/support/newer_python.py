"""A gateway on Python 3.13, whose `ssl` has TLS-PSK, in an environment of its own below .cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.support.gateway import GatewayProcess
from tests.support.needs import missing

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / ".cache" / "python-3.13"
_DEADLINE_S = 300.0
_SHOW = "import ssl; print(ssl.HAS_PSK)"


class NewerGateway(GatewayProcess):
    """The gateway of this clone, run by a Python that can encrypt the links of boards with their tokens."""

    def __init__(self, *args: str, **options: Any) -> None:
        python = str(python_with_psk())
        # That environment has what this clone needs, and not the clone.
        env = {"PYTHONPATH": str(_ROOT / "server")} | options.pop("env", {})
        super().__init__(*args, is_exec=True, env=env, **options)
        self.command[self.command.index(sys.executable)] = python


def python_with_psk() -> Path:
    """Returns a Python with TLS-PSK that has what the gateway needs; skips where there is none."""
    if sys.version_info >= (3, 13):
        return Path(sys.executable)
    base = _find_python()
    if base is None:
        missing("TLS-PSK needs Python 3.13, and this machine has none")
    _FOLDER.parent.mkdir(exist_ok=True)
    with FileLock(f"{_FOLDER}.lock"):
        if not (_FOLDER / "complete").exists():
            shutil.rmtree(_FOLDER, ignore_errors=True)
            needed = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
            _uv("venv", "--python", base, str(_FOLDER))
            _uv("pip", "install", "--python", str(_FOLDER / "bin/python"), *needed)
            (_FOLDER / "complete").touch()
    return _FOLDER / "bin/python"


def _find_python() -> str | None:
    candidates = [shutil.which("python3.13"), shutil.which("python3.14")]
    candidates += map(str, (Path.home() / ".pyenv/versions").glob("3.1[3-9].*/bin/python"))
    return next((path for path in candidates if path is not None and _has_psk(path)), None)


def _has_psk(python: str) -> bool:
    """Whether a Python has TLS-PSK; what pyenv puts on the PATH may be nothing but an error."""
    shown = subprocess.run([python, "-c", _SHOW], capture_output=True, text=True, timeout=_DEADLINE_S)
    return shown.stdout.strip() == "True"


def _uv(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *words], capture_output=True, text=True, timeout=_DEADLINE_S
    )
    if done.returncode != 0:
        missing(f"Python 3.13 cannot be set up here: {done.stderr.strip().splitlines()[-1:]}")
