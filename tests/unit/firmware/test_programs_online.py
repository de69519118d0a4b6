"""The boards' programs as they are, with the real library, at a real gateway; only the hardware is a stub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import journalled
from tests.support.gateway import GatewayProcess
from tests.support.micropython import LIBRARY, ON_BOARD, ROOT, interpreter

PROGRAMS = Path(__file__).resolve().parent / "programs"
HEAP = "256k"
DEADLINE_S = 20.0

pytestmark = pytest.mark.skipif(interpreter() is None, reason="MicroPython is missing: install the extra `test`")


def write_flash(kind: str, flash: Path, gateway: GatewayProcess) -> None:
    """Copies the files of a board, the stubs of its hardware, and a configuration."""
    ignore = shutil.ignore_patterns("config*.json", "__pycache__")
    shutil.copytree(ROOT / "firmware" / kind, flash, ignore=ignore)
    shutil.copytree(LIBRARY, flash / "lib", ignore=ignore)
    for stand_in in (*(PROGRAMS / "hardware").glob("*.py"), ON_BOARD / "programs" / "network.py"):
        shutil.copy(stand_in, flash / "lib")
    config = {"device": kind, "networks": [{"ssid": "Home"}], "gateways": [gateway.ws_url], "grace_s": 0}
    (flash / "config.json").write_text(json.dumps(config), encoding="utf-8")


def power_on(flash: Path) -> subprocess.Popen[bytes]:
    start = interpreter()
    assert start is not None
    with (flash.parent / f"{flash.name}.serial").open("wb") as serial:
        return subprocess.Popen(
            [*start, "-X", f"heapsize={HEAP}", str(PROGRAMS / "power_on.py"), str(flash)],
            env={**os.environ, "MICROPYPATH": ".frozen"},
            stdin=subprocess.DEVNULL,
            stdout=serial,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with both boards online."""
    folder = tmp_path_factory.mktemp("boards")
    with GatewayProcess() as running, ExitStack() as stack:
        for kind in ("pico", "esp32cam"):
            write_flash(kind, folder / kind, running)
            board = power_on(folder / kind)
            stack.callback(board.wait, DEADLINE_S)
            stack.callback(board.kill)
            wait_until_online(running, kind, folder / f"{kind}.serial")
        yield running


def wait_until_online(gateway: GatewayProcess, kind: str, serial: Path) -> None:
    give_up = time.monotonic() + DEADLINE_S
    while not any(
        device["id"] == kind and device["online"] for device in gateway.get("/api/devices").json()["devices"]
    ):
        assert time.monotonic() < give_up, serial.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.05)


def ask(gateway: GatewayProcess, device: str, command: str, /, **args: Any) -> dict[str, Any]:
    body: dict[str, Any] = gateway.post(f"/api/devices/{device}/commands/{command}", json=args).json()
    return body


def wait_for_entry(gateway: GatewayProcess, device: str, kind: str, part: str) -> None:
    """Waits until the journal has an entry of this device with a part in its payload."""
    give_up = time.monotonic() + DEADLINE_S
    while not any(
        line.device == device and line.type == kind and part in (line.payload or "")
        for line in journalled.lines(gateway.data)
    ):
        assert time.monotonic() < give_up, f"no {kind} of {device} with {part}"
        time.sleep(0.05)


def test_pan_and_tilt_answer_with_where_they_are(gateway: GatewayProcess) -> None:
    first = ask(gateway, "pico", "pan", angle=90)
    second = ask(gateway, "pico", "pan", angle=45)

    assert first["result"] == {"angle": 90, "from": "unknown"}
    assert second["result"] == {"angle": 45, "from": 90}


def test_tilt_beyond_its_limits_is_refused_in_words(gateway: GatewayProcess) -> None:
    assert "angle must be at most 150, not 151" in json.dumps(ask(gateway, "pico", "tilt", angle=151))


def test_lamp_is_switched(gateway: GatewayProcess) -> None:
    assert ask(gateway, "pico", "led", on=True)["result"] == {"on": True}


def test_temperature_is_reported_without_a_request(gateway: GatewayProcess) -> None:
    wait_for_entry(gateway, "pico", "telemetry", '"temperature"')


def test_camera_sends_a_frame_on_request(gateway: GatewayProcess) -> None:
    assert ask(gateway, "esp32cam", "snapshot")["result"] == {"bytes": 15, "size": "VGA"}


def test_camera_streams_and_stops(gateway: GatewayProcess) -> None:
    started = ask(gateway, "esp32cam", "stream", fps=10, size="QVGA")
    stopped = ask(gateway, "esp32cam", "stream", fps=0)

    assert started["result"] == {"fps": 10, "size": "QVGA", "quality": 80, "camera": "ready"}
    assert stopped["result"]["fps"] == 0


def test_camera_reports_its_state(gateway: GatewayProcess) -> None:
    wait_for_entry(gateway, "esp32cam", "log", "camera: ready")


def test_flash_is_switched(gateway: GatewayProcess) -> None:
    assert ask(gateway, "esp32cam", "flash", on=True)["result"] == {"on": True}
