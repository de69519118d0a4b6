"""The bench's programs in C: compiled at first use, into .cache, with the C compiler that is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.child import BenchError

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "bench"
SOURCES = Path(__file__).with_name("load")
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE")
PROGRAMS = {
    "load": (
        "main.c",
        "options.c",
        "basics.c",
        "histogram.c",
        "link.c",
        "websocket.c",
        "mqtt.c",
        "peer.c",
        "exchange.c",
        "idle.c",
        "command.c",
    ),
    "floor": ("floor.c", "basics.c"),
}
_COMPILE_DEADLINE_S = 120.0


class NoCompilerError(BenchError):
    """No C compiler is installed."""


def find_compiler() -> str:
    """Returns the C compiler, `CC` if it is set; raises `NoCompilerError` if there is none."""
    if sys.platform != "linux":
        raise NoCompilerError("the load generator in C needs Linux (epoll)")
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if compiler is None:
        raise NoCompilerError("no C compiler: install gcc")
    return compiler


def build(program: str, *flags: str) -> Path:
    """Returns the path of a program; compiles it if its sources have changed."""
    compiler = find_compiler()
    binary = CACHE / f"{program}-{_fingerprint(compiler, flags)}"
    if not binary.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Two runs may compile at once: the file gets its name when it is complete.
        fresh = binary.with_suffix(f".{os.getpid()}")
        sources = [str(SOURCES / name) for name in PROGRAMS[program]]
        _compile([compiler, *FLAGS, *flags, "-o", str(fresh), *sources])
        fresh.replace(binary)
    return binary


def _compile(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_DEADLINE_S)
    if done.returncode != 0:
        raise BenchError(f"the load generator does not compile: {done.stderr.strip()}")


def _fingerprint(compiler: str, flags: tuple[str, ...]) -> str:
    digest = hashlib.sha256(" ".join((compiler, *FLAGS, *flags)).encode())
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:12]
