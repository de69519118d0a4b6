"""Prepares `.venv` for a target of the Makefile: `python3 -m tools.bootstrap [EXTRA ...]`.

Needs only the standard library and runs under Python 3.6 and newer, so that what is missing is reported in one sentence
before pip runs. What is installed already costs a few milliseconds.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from tools.pip_progress import InstallError, install, install_locked

Version = Tuple[int, int]

OLDEST = (3, 11)
NEWEST_KNOWN = 15
ROOT = Path(__file__).resolve().parent.parent
# These extras contain others; tests/tools/test_bootstrap.py compares them with pyproject.toml.
CONTAINED = {
    "service": ("homeassistant", "mqtt", "cluster", "alerts", "automations", "motion", "tls", "updates"),
    "test": (
        "simulate",
        "flash",
        "record",
        "compile",
        "pytest",
        "homeassistant",
        "mqtt",
        "tls",
        "alerts",
        "automations",
        "cluster",
        "parquet",
        "pandas",
    ),
}
STAMP = "darvaz.json"
# "yes": the exact versions of requirements.lock, which continuous integration uses.
LOCKED = "INSTALL_LOCKED"
# Prints the version and the folder of an environment; fails without pip.
_PROBE = "import sys, pip; print('%d.%d' % sys.version_info[:2]); print(sys.prefix)"
_PROBE_DEADLINE_S = 30


def main(extras: List[str], root: Path = ROOT) -> int:
    """Installs Darvaz with these extras into `.venv` if it is not there yet; returns the exit code."""
    (root / ".cache").mkdir(exist_ok=True)
    with _locked(root / ".cache" / "bootstrap.lock"):
        try:
            environment = Environment(root)
            environment.prepare()
            environment.install(extras)
        except InstallError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            return 130
    return 0


class Environment:
    """The virtual environment of one checkout."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / ".venv"
        programs = "Scripts" if sys.platform == "win32" else "bin"
        self.python = self.folder / programs / ("python.exe" if sys.platform == "win32" else "python")
        # What the last run left: where and for which machine it is, and the digest of pyproject.toml for each extra.
        self._stamp = {}  # type: Dict[str, Any]

    def prepare(self) -> None:
        """Creates the environment, or creates it again if it cannot be used here."""
        self._stamp = _read_json(self.folder / STAMP)
        if self._is_ours() and self.python.exists():
            return
        if not os.path.lexists(str(self.folder)):
            self._create()
            return
        reason = self._why_unusable()
        if reason is None:
            self._stamp = dict(self._here(), installed={})
            return
        print(f".venv {reason}: creating it again.", flush=True)
        shutil.rmtree(str(self.folder))
        self._create()

    def install(self, extras: List[str]) -> None:
        """Installs what was not installed since pyproject.toml changed."""
        digest = hashlib.sha256((self._root / "pyproject.toml").read_bytes()).hexdigest()
        installed = self._stamp.setdefault("installed", {})
        missing = [extra for extra in ["base", *extras] if installed.get(extra) != digest]
        if not missing:
            return
        named = [extra for extra in missing if extra != "base"]
        if os.environ.get(LOCKED) != "yes" or not self._install_locked(named):
            install(self.python, self._root, named)
        for extra in missing:
            for name in (extra, *CONTAINED.get(extra, ())):
                installed[name] = digest
        (self.folder / STAMP).write_text(json.dumps(self._stamp), encoding="utf-8")

    def _install_locked(self, extras: List[str]) -> bool:
        """Returns whether the lock could be installed: an index may lack a version; the bounds hold everywhere."""
        try:
            # What is installed already, stays.
            install_locked(self.python, self._root, extras)
        except InstallError as error:
            print(f"requirements.lock cannot be installed, only what pyproject.toml allows: {error}", flush=True)
            return False
        return True

    def _is_ours(self) -> bool:
        return all(self._stamp.get(key) == value for key, value in self._here().items())

    def _here(self) -> Dict[str, str]:
        return {"folder": str(self.folder), "machine": f"{sys.platform}-{platform.machine()}"}

    def _why_unusable(self) -> Optional[str]:
        """Returns why an environment that is there cannot be used, or None; raises for what must not be deleted."""
        if self.folder.is_symlink():
            raise InstallError(f".venv is a link to {os.readlink(str(self.folder))}: remove it, then try again.")
        if not (self.folder / "pyvenv.cfg").is_file():
            raise InstallError(".venv is not a virtual environment: move it away, then try again.")
        here = self._here()
        if self._stamp.get("machine", here["machine"]) != here["machine"]:
            return f"is of another machine ({self._stamp['machine']})"
        if self._stamp.get("folder", here["folder"]) != here["folder"]:
            return "was moved"
        found = _probe(self.python)
        if found is None:
            return "is broken"
        version, prefix = found
        if version < OLDEST:
            return "has Python {}.{}".format(*version)
        if Path(prefix).resolve() != self.folder.resolve() or self._is_moved():
            return "was moved"
        return None

    def _is_moved(self) -> bool:
        """Whether a program of it starts the Python of another folder."""
        for name in ("darvaz", "pip"):
            try:
                first = (self.python.parent / name).read_text(encoding="utf-8").splitlines()[0]
            except (OSError, ValueError, IndexError):
                continue
            if str(self.python.parent) not in first and str(self.folder.resolve()) not in first:
                return True
        return False

    def _create(self) -> None:
        python = _find_python()
        print(f"Creating .venv with {python} ...", flush=True)
        made = subprocess.run(
            [python, "-m", "venv", str(self.folder)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
        )  # fmt: skip
        if made.returncode != 0:
            shutil.rmtree(str(self.folder), ignore_errors=True)
            raise InstallError(f"{python} -m venv .venv failed: {made.stdout.strip()[-300:]}")
        self._stamp = dict(self._here(), installed={})


def _find_python() -> str:
    """Returns a Python that is new enough and can create environments: the one that runs this, or one on the PATH."""
    if sys.version_info >= OLDEST:
        chosen, version = sys.executable, sys.version_info[:2]
    else:
        newer = _newer_python()
        if newer is None:
            raise InstallError(
                "Darvaz needs Python {}.{} or newer, and {} is {}.{}: install a newer one, or name it: "
                "make PYTHON=/path/to/python3 ...".format(*OLDEST, sys.executable, *sys.version_info[:2])
            )
        chosen, version = newer
    if subprocess.call([chosen, "-c", "import ensurepip"], stderr=subprocess.DEVNULL) != 0:
        raise InstallError(
            "{} lacks the module ensurepip, which creates .venv: sudo apt install python{}.{}-venv, "
            "or your system's package for it.".format(chosen, *version)
        )
    return chosen


def _newer_python() -> Optional[Tuple[str, Version]]:
    for minor in range(NEWEST_KNOWN, OLDEST[1] - 1, -1):
        path = shutil.which(f"python3.{minor}")
        if path is None:
            continue
        # A name on the PATH may be a launcher of a version that is not installed.
        found = _probe(Path(path), "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.prefix)")
        if found is not None and found[0] >= OLDEST:
            return path, found[0]
    return None


def _probe(python: Path, program: str = _PROBE) -> Optional[Tuple[Version, str]]:
    """Returns the version and the prefix of a Python, or None if it does not run."""
    try:
        shown = subprocess.run(
            [str(python), "-c", program],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, timeout=_PROBE_DEADLINE_S,
        ).stdout.splitlines()  # fmt: skip
        major, minor = shown[0].split(".")
        return (int(major), int(minor)), shown[1]
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def _read_json(file: Path) -> Dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Lets one run of this file at a time work on `.venv`."""
    with file.open("w") as lock:
        try:
            import fcntl
        except ImportError:
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Waiting for another make that is installing ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
