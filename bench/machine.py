"""The machine: which cores to use, its description, and the CPU time and memory of a process."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import darvaz

_BUSY_LOAD = 0.5


@dataclass(frozen=True)
class Cores:
    """The core of the server, and the core of the load and the bench; None means any core."""

    server: int | None
    load: int | None
    note: str


def choose_cores() -> Cores:
    """Returns one core for the server and another for the load, or neither with the reason."""
    if not hasattr(os, "sched_setaffinity"):
        return Cores(None, None, "not pinned: this system cannot tie a program to a core, so ratios are rough")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        return Cores(None, None, "not pinned: there is one core only, shared by server and load, so ratios are rough")
    server, load = allowed[:2]
    return Cores(server, load, f"server alone on core {server}, load generator on core {load}")


def pin_myself(cores: Cores) -> None:
    """Keeps the bench off the server's core."""
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})


@contextlib.contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Moves the calling thread, and those that it starts, to a core meanwhile; None leaves it where it is."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe_machine(cores: Cores) -> dict[str, Any]:
    """Returns the description of the machine that the report shows."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "hot_path": "compiled" if darvaz.is_compiled else "plain Python",
        "pinning": cores.note,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
        "measured_at": time.strftime("%Y-%m-%d %H:%M"),
    }


def busy_note(load_average: float) -> str | None:
    """Returns a warning if other programs use this machine."""
    if load_average < _BUSY_LOAD:
        return None
    return f"This machine is busy (load {load_average:g} before the start): figures are noisy, ratios less so."


def cpu_s(process: int) -> float:
    """Returns the processor time of all threads of a process."""
    if sys.platform != "linux":
        return 0.0
    # The clock id of another process, see clock_getcpuclockid(3); /proc has a resolution of 10 ms only.
    return time.clock_gettime((~process << 3) | 2)


def loop_cpu_s(process: int) -> float:
    """Returns the processor time of the main thread of a process, which runs the event loop."""
    try:
        return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        # Only Linux tells it.
        return 0.0


def group_cpu_s(leader: int) -> float:
    """Returns the processor time of all processes of a session, and of those that they have waited for."""
    if sys.platform != "linux":
        return 0.0
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            # It has ended.
            continue
        # proc_pid_stat(5): after the name in parentheses, the fourth is the session, utime to cstime the twelfth on.
        fields = text.rpartition(")")[2].split()
        if int(fields[3]) == leader:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """The memory of a process: resident (RSS), and its share of shared pages (PSS)."""

    resident_bytes: int
    share_bytes: int


def memory(process: int) -> Memory | None:
    """Returns the memory of a process, or None where the system does not report it."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return None
    sizes = {name: int(kb) * 1024 for name, kb in re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.MULTILINE)}
    return Memory(sizes["Rss"], sizes["Pss"])


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return model.group(1) if model else platform.machine()
