"""What tests on the emulated Pico W share: its packages, and what the flasher sees of the world."""

from __future__ import annotations

import os
from pathlib import Path

from darvaz.boards.emulated import NoEmulator
from darvaz.boards.emulated.board import PASSWORD, SSID
from darvaz.boards.emulated.packages import fetch
from tests.support.gateway import GatewayProcess
from tests.support.needs import missing

# An emulated second takes several on a busy machine.
BOOT_DEADLINE_S = 150.0


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
