"""Small disks, limited files and write-protected folders, for a process that is started with their prefix."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import missing

_CHUNK_BYTES = 4096
_COMMAND_DEADLINE_S = 15.0
_MOUNT_IMAGE = 'mount -o loop "$1" "$0" && shift && exec "$@"'
_MOUNT = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$0" && shift && exec "$@"'


@dataclass(frozen=True)
class SmallDisk:
    """A disk that is mounted at `path`; only the process with the prefix sees it."""

    path: Path
    prefix: list[str]

    def entered(self, pid: int) -> list[str]:
        """Returns the prefix of another process that sees the disk; SQLite does not find it through /proc."""
        return ["nsenter", "--mount", "--target", str(pid)]

    @contextlib.contextmanager
    def filled(self, pid: int) -> Iterator[None]:
        """Fills the disk completely until the block ends."""
        filling = Path(f"/proc/{pid}/root{self.path}/filling")
        with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(_CHUNK_BYTES))
        try:
            yield
        finally:
            filling.unlink()


def small_disk(path: Path, size_bytes: int) -> SmallDisk:
    """Returns a disk of that size; ends the test where this user may not mount one."""
    _need("unshare", "mount", "nsenter")
    path.mkdir(exist_ok=True)
    prefix = ["unshare", "--mount", "sh", "-c", _MOUNT, str(path), str(size_bytes)]
    tried = _run([*prefix, "true"])
    if tried.returncode != 0:
        missing(f"a full disk is tested with one mounted for it, which this user may not do: {tried.stderr.strip()}")
    return SmallDisk(path, prefix)


@dataclass(frozen=True)
class FailingDisk(SmallDisk):
    """A disk with a file system that a fault makes read-only, as that of a memory card; it is whole at the next use."""

    def fail(self, pid: int) -> None:
        """Makes it read-only for good while a process has files of it open."""
        done = _run([*self.entered(pid), "mount", "-o", "remount,abort", str(self.path)])
        assert done.returncode == 0, done.stderr


def failing_disk(path: Path, size_bytes: int) -> FailingDisk:
    """Returns a disk that can fail; ends the test where this user may not mount one."""
    _need("unshare", "mount", "nsenter", "mkfs.ext4")
    path.mkdir(exist_ok=True)
    image = path.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(size_bytes)
    made = _run(["mkfs.ext4", "-q", "-F", str(image)])
    assert made.returncode == 0, made.stderr
    prefix = ["unshare", "--mount", "sh", "-c", _MOUNT_IMAGE, str(path), str(image)]
    tried = _run([*prefix, "true"])
    if tried.returncode != 0:
        missing(f"a disk that fails is one in a file, which this user may not mount: {tried.stderr.strip()}")
    return FailingDisk(path, prefix)


def limited_files(size_bytes: int) -> list[str]:
    """Returns the prefix of a process whose files may not grow beyond a size; `lift_limit` removes the limit."""
    _need("prlimit")
    return ["prlimit", f"--fsize={size_bytes}:"]


def limit_files(pid: int, size_bytes: int) -> None:
    """Lets no file of a running process grow beyond a size."""
    done = _run(["prlimit", "--pid", str(pid), f"--fsize={size_bytes}:"])
    assert done.returncode == 0, done.stderr


def lift_limit(pid: int) -> None:
    """Removes the limit of the size of a process's files."""
    done = _run(["prlimit", "--pid", str(pid), "--fsize=unlimited:"])
    assert done.returncode == 0, done.stderr


def obeying_modes() -> list[str]:
    """Returns the prefix of a process that obeys file modes even if this user is root."""
    if os.geteuid() != 0:
        return []
    _need("setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            missing(f"{program} is not installed")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_DEADLINE_S)
