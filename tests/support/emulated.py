"""What tests on the emulated Pico W share: its packages, and what the flasher sees of the world."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import cast

from darvaz.boards.emulated import NoEmulator, board
from darvaz.boards.emulated.board import MACHINE, PASSWORD, SSID
from darvaz.boards.emulated.packages import Emulator, fetch, fetch_image
from tests.support.fork_server import ForkServer, can_fork
from tests.support.gateway import GatewayProcess
from tests.support.needs import missing

# An emulated second takes several on a busy machine.
BOOT_DEADLINE_S = 150.0
_FORKED = Path(__file__).with_name("forked_emulator.py")


class EmulatedPico(board.EmulatedPico):
    """An emulated Pico W whose process is a fork of one that has imported the emulator."""

    def _launch(self, emulator: Emulator) -> subprocess.Popen[str]:
        if not can_fork(os.environ):
            return super()._launch(emulator)
        (input, ours), (theirs, output) = os.pipe(), os.pipe()
        with open(input, "rb") as given, open(output, "wb") as taken:
            process = _forking(emulator.python).start(
                [], os.environ, taken, input=given, program="import machine; machine.main()"
            )
        machine = cast("subprocess.Popen[str]", process)
        machine.stdin, machine.stdout = os.fdopen(ours, "w"), os.fdopen(theirs, errors="replace")
        return machine


@cache
def _forking(python: Path) -> ForkServer:
    command = [str(python), "-I", str(_FORKED)]
    return ForkServer.run_command(command, [str(MACHINE)], os.environ, own_session=True)


def need_emulator() -> None:
    """Fetches the emulator, if it is not there; where that cannot be, the test ends."""
    try:
        fetch()
    except NoEmulator as error:
        missing(str(error))


def person_env(home: Path, gateway: GatewayProcess) -> dict[str, str]:
    """Returns the variables of a person who flashes for a gateway and has not done so before."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
    return {
        **clean,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "DARVAZ_GATEWAY": gateway.url,
        "DARVAZ_DATA": str(gateway.data),
        "DARVAZ_WIFI_SSID": SSID,
        "DARVAZ_WIFI_PASSWORD": PASSWORD,
    }


def official_image(name: str, sha256: str) -> bytes:
    """Returns another official image of MicroPython; where it cannot be had, the test ends."""
    try:
        return fetch_image(name, sha256).read_bytes()
    except NoEmulator as error:
        missing(str(error))
