"""Checks the types of every file of each board against MicroPython's stubs: `python -m tools.check_firmware`.

The stubs take the place of the standard library, so they live in a folder of their own under .cache and never in
the virtual environment. They are installed there at the first call.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "firmware-types"
OWN_STUBS = ROOT / "tools" / "typings"
CONFIG = ROOT / "tools" / "firmware_mypy.ini"
STDLIB = "micropython-stdlib-stubs==1.29.0.post2"
# Pinned, so that a finding always comes from a change of ours.
STUBS = {
    "pico": ("micropython-rp2-rpi_pico_w-stubs==1.29.0.post1", STDLIB),
    "esp32cam": ("micropython-esp32-stubs==1.29.0.post1", STDLIB),
}
INSTALL_DEADLINE_S = 300
CHECK_DEADLINE_S = 120


class StubsMissing(RuntimeError):
    """The stubs could not be installed; the text says why."""


def install_stubs(board: str, cache: Path = CACHE) -> Path:
    """Returns the folder of a board's stubs, installed at the first call; raises StubsMissing."""
    folder = cache / "-".join(requirement.partition("==")[2] for requirement in STUBS[board]) / board
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        _pip_install(STUBS[board], Path(unfinished))
        try:
            # In one step: another process may be doing the same.
            shutil.copytree(unfinished, f"{unfinished}.done")
            os.replace(f"{unfinished}.done", folder)
        except OSError:
            shutil.rmtree(f"{unfinished}.done", ignore_errors=True)
            if not folder.is_dir():
                raise
    return folder


def _pip_install(requirements: tuple[str, ...], target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target)]
    try:
        result = subprocess.run(
            [*pip, *requirements], capture_output=True, text=True, timeout=INSTALL_DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise StubsMissing(f"pip took longer than {INSTALL_DEADLINE_S} s to install the stubs") from None
    if result.returncode:
        raise StubsMissing(f"pip could not install {' '.join(requirements)}:\n{result.stderr.strip()}")


def check(board: str, firmware: Path = ROOT / "firmware") -> subprocess.CompletedProcess[str]:
    """Runs mypy over one board's programs and the library; the return code is 0 when it found nothing."""
    stubs = install_stubs(board)
    files = [*sorted((firmware / board).glob("*.py")), *sorted((firmware / "lib" / "darvaz").glob("*.py"))]
    path = [firmware / board, firmware / "lib", OWN_STUBS, stubs]
    return subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(CONFIG), "--no-error-summary"),
            *("--custom-typeshed-dir", str(stubs), "--cache-dir", str(CACHE / f"mypy-{board}")),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        timeout=CHECK_DEADLINE_S,
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, path))},
        check=False,
    )


def check_project(folder: Path, board: str) -> subprocess.CompletedProcess[str]:
    """Runs mypy over main.py of a maker's project, with the types that it has and those of the package."""
    stubs = install_stubs(board)
    # On a board, `darvaz` is the library there, whose types the package has.
    types = folder / "typings" / "darvaz"
    types.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "server" / "darvaz" / "on_board.pyi", types / "__init__.pyi")
    return subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(CONFIG), "--no-error-summary"),
            *("--custom-typeshed-dir", str(stubs), "--cache-dir", str(CACHE / f"mypy-{board}")),
            str(folder / "main.py"),
        ],
        capture_output=True,
        text=True,
        timeout=CHECK_DEADLINE_S,
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, (folder / "typings", stubs)))},
        check=False,
    )


def main() -> int:
    """Prints the findings of every board and returns the exit code."""
    found = False
    for board in STUBS:
        try:
            result = check(board)
        except StubsMissing as error:
            print(f"{board}: {error}", file=sys.stderr)
            return 2
        print(result.stdout + result.stderr, end="")
        found = found or result.returncode != 0
    print("Found faults in the boards' types" if found else f"No type faults on {' or '.join(STUBS)}")
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
