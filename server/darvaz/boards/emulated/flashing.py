"""Puts our firmware on an emulated Pico W, by `darvaz flash` in a process of its own, as on any other board."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from darvaz.boards.emulated.board import PASSWORD, SSID, EmulatedPico

FLASH_DEADLINE_S = 300.0
_WAIT_S = "120"


@dataclass(frozen=True, slots=True)
class FlashResult:
    """How `darvaz flash` ended; where it was shown to a person, the texts are empty."""

    code: int
    out: str
    err: str


def flash(
    board: EmulatedPico,
    device: str,
    gateway: str,
    *words: str,
    env: Mapping[str, str] | None = None,
    shows: bool = False,
) -> FlashResult:
    """Flashes a board that is to be `device` at a gateway, and waits until it is online; `shows` prints the progress.

    `env` changes variables of our environment for it.
    """
    command = [sys.executable, "-m", "darvaz", "flash", "--port", board.port, "--device", device, "--wait", _WAIT_S]
    command += ["--gateway", gateway, "--gateway-url", board.board_url, *words]
    wifi = {"DARVAZ_WIFI_SSID": SSID, "DARVAZ_WIFI_PASSWORD": PASSWORD}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=not shows,
            text=True,
            timeout=FLASH_DEADLINE_S,
            env={**os.environ, **wifi, **(env or {})},
        )
    except subprocess.TimeoutExpired:
        return FlashResult(1, "", f"darvaz flash: not done in {FLASH_DEADLINE_S:g} s")
    return FlashResult(done.returncode, done.stdout or "", done.stderr or "")
