"""`darvaz simulate` as a newcomer runs it: both boards online, commands answered, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import journalled
from tests.support.gateway import GatewayProcess
from tests.support.simulation import DEADLINE_S, Simulation
from tests.support.verbs import run_darvaz
from tests.support.webserver import wait_until

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def boards(gateway: GatewayProcess, tmp_path: Path) -> Iterator[Simulation]:
    running = Simulation(gateway, tmp_path)
    try:
        running.expect(r"gateway: online as", count=2)
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGINT)


def send(gateway: GatewayProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return run_darvaz("send", *words, "--gateway", gateway.url)


def test_pico_and_camera_come_online_and_answer(gateway: GatewayProcess, boards: Simulation) -> None:
    devices = gateway.get("/api/devices").json()["devices"]
    online = {device["id"]: device["online"] for device in devices}
    # Each board tells the address of its radio.
    assert len({device["mac"] for device in devices} - {None}) == 2
    assert online == {"virtual-pico-1": True, "virtual-esp32cam-1": True}

    assert '"angle": 90' in send(gateway, "virtual-pico-1", "pan", "angle=90").stdout
    refused = send(gateway, "virtual-pico-1", "pan", "angle=270")
    assert refused.returncode != 0 and "at most 180" in refused.stderr
    boards.expect("command pan")


def test_boards_that_are_simulated_beside_others_take_other_names(
    gateway: GatewayProcess, boards: Simulation, tmp_path: Path
) -> None:
    folder = tmp_path / "beside"
    folder.mkdir()
    beside = Simulation(gateway, folder, "--pico", "2", "--esp32cam", "0")
    try:
        beside.expect(r"gateway: online as virtual-pico-2")
        beside.expect(r"gateway: online as virtual-pico-3")
    finally:
        beside.stop(signal.SIGINT)

    assert "took over" not in boards.text()


def test_camera_sends_frames_on_request(gateway: GatewayProcess, boards: Simulation) -> None:
    assert '"fps": 5' in send(gateway, "virtual-esp32cam-1", "stream", "fps=5").stdout

    wait_until(lambda: gateway.get("/api/devices/virtual-esp32cam-1/camera").json()["frames"] >= 6)

    assert '"fps": 0' in send(gateway, "virtual-esp32cam-1", "stream", "fps=0").stdout


def test_telemetry_and_logs_are_in_the_journal(gateway: GatewayProcess, boards: Simulation) -> None:
    journalled.wait_for_line(gateway.data, device="virtual-pico-1", type="telemetry")
    journalled.wait_for_line(gateway.data, device="virtual-pico-1", type="log")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_end_leaves_nothing_behind(gateway: GatewayProcess, tmp_path: Path, number: signal.Signals) -> None:
    boards = Simulation(gateway, tmp_path, "--pico", "2", "--esp32cam", "0")
    boards.expect("gateway: online as", count=2)
    children = set(_children(boards.process.pid))
    assert len(children) == 2

    assert boards.stop(number) == 0

    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert [path.name for path in tmp_path.iterdir()] == ["simulate.txt"]


def test_boards_end_when_their_keeper_is_killed(gateway: GatewayProcess, tmp_path: Path) -> None:
    boards = Simulation(gateway, tmp_path, "--pico", "1", "--esp32cam", "0")
    boards.expect("gateway: online as")
    children = _children(boards.process.pid)

    boards.stop(signal.SIGKILL)

    give_up = time.monotonic() + DEADLINE_S
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_flash_is_kept_on_request(gateway: GatewayProcess, tmp_path: Path) -> None:
    boards = Simulation(gateway, tmp_path, "--pico", "1", "--esp32cam", "0", "--keep", str(tmp_path / "kept"))
    boards.expect("gateway: online as")

    boards.stop(signal.SIGINT)

    assert (tmp_path / "kept" / "virtual-pico-1" / "main.py").exists()
    assert (tmp_path / "kept" / "virtual-pico-1" / "config.json").stat().st_mode & 0o077 == 0


def test_missing_gateway_is_reported_with_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "darvaz", "simulate", "--gateway", "http://127.0.0.1:9"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    assert done.returncode == 1
    assert "no gateway answers at http://127.0.0.1:9" in done.stderr and "darvaz serve" in done.stderr


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(number) for number in found.split()]
