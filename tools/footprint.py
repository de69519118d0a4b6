"""The flash and heap that the firmware takes, measured on MicroPython's unix port: `python -m tools.footprint`.

The unix port has 64-bit words, so each figure of the heap is an upper bound for a board. `python -m tools.footprint
--emulated` measures on the official image of the Pico W, on an emulated board.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from darvaz.boards.compiled_library import LIBRARY as DEPLOYED
from darvaz.boards.compiled_library import LOADER, MPY_VERSION, compile_library
from darvaz.boards.firmware_source import LOADER_START, read_sources
from darvaz.boards.virtual import firmware as virtual_firmware
from darvaz.pytest_plugin.gateway_process import GatewayProcess
from tools import footprint_emulated

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "firmware" / "lib"
# Programs and stubs that run on the board; the tests use them as well.
ON_BOARD = ROOT / "tests" / "support" / "on_board" / "programs"
STUBS = (ROOT / "tests/unit/firmware/programs/hardware/machine.py", ON_BOARD / "network.py")
POWER_ON = ROOT / "tests/unit/firmware/programs/power_on.py"
PROBE = ON_BOARD / "allocations.py"
# The wheel has an entry point, and not an executable.
MICROPYTHON = (
    sys.executable,
    "-c",
    "import sys, micropython_unix as m; sys.argv[0] = 'micropython'; sys.exit(m.main())",
)
HEAP_KB_MOST = 400
PROGRAM_HEAP_KB_MOST = 100
FLASH_KB_MOST = 40
# Loaded while they are used only: on the heap they take nothing otherwise.
ON_DEMAND = (
    "crash",
    "prompt",
    "stopped",
    "terminal",
    "trial",
    "update",
    "slot_files",
    "update_offer",
    "ed25519",
    "flash_outbox",
    "secure",
    "local_name",
    "setup",
)
ON_DEMAND_KB_MOST = 28
LOADER_KB_MOST = 4
DEADLINE_S = 8.0
# After the connection_ack the program must still measure and report once.
SETTLED = "SETTLED"


@dataclass(frozen=True)
class Figure:
    """One row of the report; above `limit` it fails, `goal` is the aim."""

    name: str
    value: float
    unit: str
    goal: float
    limit: float | None

    @property
    def is_good(self) -> bool:
        """Whether it keeps its limit; a figure of time has none."""
        return self.limit is None or self.value <= self.limit


def measure(folder: Path, *, limits_only: bool = False) -> Iterator[Figure]:
    """Yields the figures, the quick ones first; the boards' flash is written below `folder`.

    With `limits_only` a heap that keeps its limit is not searched for the smallest that does, and what has no limit is
    left out: a tenth of the time.
    """
    yield Figure("library in flash, as .mpy", deployed_bytes() / 1024, "KB", 40, FLASH_KB_MOST)
    on_demand = deployed_bytes(is_on_demand=True) / 1024
    yield Figure("parts for updates, prompt, crashes, TLS and setup", on_demand, "KB", 16, ON_DEMAND_KB_MOST)
    yield Figure("loader in flash", loader_bytes() / 1024, "KB", 3, LOADER_KB_MOST)
    allocated = _run_probe()
    yield Figure("allocated per ping and pong", allocated["round_trip_bytes"], "bytes", 1640, 1640)
    yield Figure("allocated to send a frame of 25 KB", allocated["frame_bytes"], "bytes", 1024, 1024)
    with closing(GatewayProcess(folder / "data", folder / "gateway.txt")) as gateway:
        gateway.start()
        flash = write_flash(folder / "flash", gateway.ws_url)
        stand_in_kb = allocated["stand_in_bytes"] / 1024
        if limits_only and _settles(flash, int(PROGRAM_HEAP_KB_MOST + stand_in_kb))[0]:
            return
        heap = find_least_heap(lambda kb: _settles(flash, kb)[0]) - stand_in_kb
        yield Figure("heap for the Pico program", heap, "KB", 96, PROGRAM_HEAP_KB_MOST)
        boots_s = sorted(_settles(flash, 256)[1] for _ in range(5))
        yield Figure("boot to connection_ack", boots_s[2] * 1000, "ms", 500, None)


def deployed_bytes(*, is_on_demand: bool = False) -> int:
    """Returns the size of the library as `darvaz flash` deploys it, without the parts of `ON_DEMAND`, or of these."""
    files, why_source = compile_library(read_sources("pico"), MPY_VERSION)
    if why_source is not None:
        raise RuntimeError(why_source)
    ours = {Path(path).stem: len(data) for path, data in files.items() if path.startswith(DEPLOYED)}
    return sum(size for name, size in ours.items() if (name in ON_DEMAND) == is_on_demand)


def loader_bytes() -> int:
    """Returns the size of the loader as `darvaz flash` deploys it."""
    files = compile_library(read_sources("pico"), MPY_VERSION).files
    return len(files[LOADER_START]) + len(files[f"{LOADER}.mpy"])


def write_flash(folder: Path, gateway: str) -> Path:
    """Returns a folder as the flash of a Pico; its program prints SETTLED when it is connected."""
    virtual_firmware.write_flash(folder, "pico", "pico", gateway, None)
    for file in STUBS:
        shutil.copy(file, folder / "lib")
    program = (folder / "main.py").read_text(encoding="utf-8")
    settled = f"\n@device.on_connect\ndef settled():\n    print('{SETTLED}')\n\n\ndevice.run()"
    (folder / "main.py").write_text(program.replace("\ndevice.run()", settled), encoding="utf-8")
    return folder


def find_least_heap(is_enough: Callable[[int], bool]) -> int:
    """Returns the smallest heap in KB that is enough, by bisection."""
    low, high = 32, HEAP_KB_MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _settles(flash: Path, heap_kb: int) -> tuple[bool, float]:
    """Returns whether the program settles in this heap without a MemoryError, and after how many seconds."""
    started_s = time.monotonic()
    process = _start(str(POWER_ON), str(flash), heap_kb=heap_kb)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    output, settled_s = b"", 0.0
    try:
        while time.monotonic() - started_s < DEADLINE_S and process.poll() is None and b"MemoryError" not in output:
            output += process.stdout.read() or b""
            if SETTLED.encode() in output:
                settled_s = settled_s or time.monotonic() - started_s
                if time.monotonic() - started_s > settled_s + 0.5:
                    return True, settled_s
            time.sleep(0.005)
        return False, 0.0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _start(*arguments: str, heap_kb: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*MICROPYTHON, "-X", f"heapsize={heap_kb}k", *arguments],
        env={**os.environ, "MICROPYPATH": f"{LIBRARY}:.frozen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _run_probe() -> dict[str, int]:
    process = _start(str(PROBE), *(str(file.parent) for file in STUBS), heap_kb=HEAP_KB_MOST)
    output, _ = process.communicate(timeout=60)
    found: dict[str, int] = json.loads(output.decode().splitlines()[-1])
    return found


def main() -> int:
    """Prints the report as it is measured and returns 1 when a limit is exceeded."""
    if "--emulated" in sys.argv[1:]:
        return footprint_emulated.report()
    table = Table("figure", "measured", "goal", "limit")
    is_good = True
    with tempfile.TemporaryDirectory(prefix="darvaz-footprint-") as folder:
        for figure in measure(Path(folder)):
            limit = "" if figure.limit is None else f"{figure.limit:g} {figure.unit}"
            value = f"{figure.value:.0f} {figure.unit}"
            table.add_row(
                figure.name, value, f"{figure.goal:g} {figure.unit}", limit, style="" if figure.is_good else "red"
            )
            is_good = is_good and figure.is_good
    Console().print(table)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
