"""The heap and flash that the Pico's program takes on MicroPython's official image, on the emulated Pico W."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from darvaz.boards.emulated import EmulatedPico
from darvaz.boards.emulated.flashing import flash
from darvaz.boards.serial import Prompt
from darvaz.pytest_plugin.own_gateway import OwnGateway

DEVICE = "footprint"
# After the connection, with everything loaded that the Pico's program loads; the first command with arguments adds
# 1.3 KB.
HEAP_USED_BYTES_MAX = 61_000
HEAP_FREE_BYTES_LEAST = 144_500
EXEC_DEADLINE_S = 120.0
MODULE_BYTES_LEAST = 256
HOLE_BYTES_MAX = 16 * 1024
_HOLE_STEP_BYTES = 256
_OURS = ("darvaz.", "servo")
_BLOCK_BYTES = 16
_ONLINE = re.compile(r"^I (\d+\.\d+) gateway: online as")
# After Ctrl-C: the program is over, and what it made is still there.
_AFTER = """
import gc, json, micropython, os, sys
gc.collect()
print(json.dumps(sorted(sys.modules)))
print(json.dumps(os.statvfs('/')[:5]))
micropython.mem_info(1)
"""
# What each module takes that the program imports; what it imports itself is not counted again.
_MODULES = """
import builtins, gc, json, sys
gc.collect()
base, costs, inner, real = gc.mem_alloc(), {}, [], builtins.__import__
def measured(name, namespace=None, local=None, wanted=(), level=0):
    full = name
    if level:
        package = namespace['__name__'].split('.')[0]
        full = (package + '.' + name).rstrip('.')
        for each in () if name else wanted or ():
            if each.islower() and not hasattr(sys.modules[package], each):
                measured(package + '.' + each, None, None, ('*',))
    if full in sys.modules:
        return real(name, namespace, local, wanted, level)
    gc.collect()
    before = gc.mem_alloc()
    inner.append(0)
    try:
        return real(name, namespace, local, wanted, level)
    finally:
        gc.collect()
        total = gc.mem_alloc() - before
        costs[full] = costs.get(full, 0) + total - inner.pop()
        if inner:
            inner[-1] += total
builtins.__import__ = measured
try:
    import darvaz, board
    for name in %r:
        __import__(name, None, None, ('*',))
finally:
    builtins.__import__ = real
print(json.dumps([base, costs]))
"""
# Leaves free memory only in holes of a size, and then loads everything.
_LOAD_IN_HOLES = """
import gc
def fill(size):
    kept, holes = (), ()
    try:
        while True:
            holes = (bytearray(size), holes)
            kept = (bytearray(16), kept)
    except MemoryError:
        return kept
kept = fill(%d)
gc.collect()
try:
    import darvaz, board
    for name in %r:
        __import__(name)
    print('loaded')
except MemoryError:
    # Without memory the board does not come back to its prompt.
    kept = None
    gc.collect()
    print('none')
"""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What was measured; sizes in bytes."""

    image: str
    online_s: float
    heap_used_bytes: int
    heap_free_bytes: int
    largest_held_bytes: int
    largest_free_bytes: int
    flash_used_bytes: int
    # Before any program, and for each module that is loaded after the connection.
    base_bytes: int
    modules: dict[str, int]
    # The largest allocation while the program is loaded; None if it was not searched for.
    largest_loading_bytes: int | None = None

    @property
    def rest_bytes(self) -> int:
        """What objects and buffers of the running program take."""
        return self.heap_used_bytes - self.base_bytes - sum(self.modules.values())


def measure() -> Footprint:
    """Flashes an emulated board, and inspects its memory once it is online; raises `NoEmulator`, or `RuntimeError`."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="darvaz-footprint-")))
        gateway = OwnGateway()
        stack.callback(gateway.close)
        gateway.start()
        board = stack.enter_context(EmulatedPico(folder, gateway.url))
        done = flash(board, DEVICE, gateway.url)
        if done.code != 0:
            raise RuntimeError(done.err or done.out)
        info = gateway.command(DEVICE, "info", {})
        online_s = max(float(match[1]) for line in board.lines if (match := _ONLINE.match(line)))
        found = inspect(board.port, info, online_s)
        ours = [name for name in found.modules if name.startswith(_OURS)]
        return replace(found, largest_loading_bytes=find_least_hole(board.port, ours))


def inspect(port: str, info: dict[str, Any], online_s: float) -> Footprint:
    """Inspects a board whose program is online and has just told `info`; its program is over then."""
    with Prompt.open(port, enters=False) as prompt:
        prompt.enter(resets=False, restarts=False)
        names, volume, layout = prompt.exec(_AFTER, EXEC_DEADLINE_S).replace("\r", "").split("\n", 2)
        ours = [name for name in json.loads(names) if name.startswith(_OURS)]
        prompt.enter(resets=False)
        base_bytes, modules = json.loads(prompt.exec(_MODULES % (ours,), EXEC_DEADLINE_S).strip().splitlines()[-1])
    block_bytes, _, blocks, free, *_ = json.loads(volume)
    return Footprint(
        image=info["micropython"],
        online_s=online_s,
        heap_used_bytes=info["heap_used_bytes"],
        heap_free_bytes=info["heap_free_bytes"],
        largest_held_bytes=largest_held(layout),
        largest_free_bytes=_BLOCK_BYTES * int(re.findall(r"max free sz: (\d+)", layout)[0]),
        flash_used_bytes=block_bytes * (blocks - free),
        base_bytes=base_bytes,
        modules=dict(sorted(_without_small(modules).items(), key=lambda item: -item[1])),
    )


def find_least_hole(port: str, modules: list[str]) -> int:
    """Returns the size of the holes in which the program can be loaded: its largest allocation, to 256 bytes."""
    low, high = 0, HOLE_BYTES_MAX // _HOLE_STEP_BYTES
    with Prompt.open(port, enters=False) as prompt:
        while high - low > 1:
            middle = (low + high) // 2
            prompt.enter(resets=False)
            output = prompt.exec(_LOAD_IN_HOLES % (middle * _HOLE_STEP_BYTES, modules), EXEC_DEADLINE_S)
            low, high = (low, middle) if "loaded" in output else (middle, high)
    return high * _HOLE_STEP_BYTES


def _without_small(modules: dict[str, int]) -> dict[str, int]:
    """Returns the modules that take something; those of the image are frozen, and take no more than an entry."""
    return {name: size_bytes for name, size_bytes in modules.items() if size_bytes >= MODULE_BYTES_LEAST}


def largest_held(layout: str) -> int:
    """Returns the size of the largest block in what `micropython.mem_info(1)` printed."""
    rows = re.findall(r"^[0-9a-f]{5,}: (\S+)$", layout, re.MULTILINE)
    # A head is a letter, and each `=` belongs to the head before it; lines of free blocks are left out.
    return _BLOCK_BYTES * max((len(run) for run in re.findall(r"[A-Za-z]=*", "".join(rows))), default=0)


def rows(found: Footprint) -> Iterator[tuple[str, str, str]]:
    """Yields name, value and limit of each figure."""
    yield "heap used after the connection", f"{found.heap_used_bytes:,} B", f"{HEAP_USED_BYTES_MAX:,} B"
    yield "heap free for a maker", f"{found.heap_free_bytes:,} B", f"at least {HEAP_FREE_BYTES_LEAST:,} B"
    if found.largest_loading_bytes is not None:
        yield "largest allocation while loading", f"{found.largest_loading_bytes:,} B", ""
    yield "largest block held", f"{found.largest_held_bytes:,} B", ""
    yield "largest block free", f"{found.largest_free_bytes:,} B", ""
    yield "flash used, in blocks", f"{found.flash_used_bytes:,} B", ""
    yield "start to online, by its clock", f"{found.online_s:.1f} s", ""
    yield "heap before any program", f"{found.base_bytes:,} B", ""
    for name, size_bytes in found.modules.items():
        yield f"  {name}", f"{size_bytes:,} B", ""
    yield "  objects, buffers and tasks", f"{found.rest_bytes:,} B", ""


def is_within(found: Footprint) -> bool:
    """Whether the limits are kept."""
    return found.heap_used_bytes <= HEAP_USED_BYTES_MAX and found.heap_free_bytes >= HEAP_FREE_BYTES_LEAST


def report() -> int:
    """Prints the report and returns 1 when a limit is exceeded."""
    found = measure()
    table = Table("figure", "measured", "limit", title=f"Pico W, emulated: {found.image}")
    for row in rows(found):
        table.add_row(*row)
    Console().print(table)
    return 0 if is_within(found) else 1
