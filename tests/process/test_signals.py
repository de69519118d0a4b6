"""Signals at any time and in any number: the gateway ends quietly, with the right status and a complete journal."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support import journalled
from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0
TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP

# A traceback before our first line is Python's own; Ctrl-C counts from then on.
STARTER = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("started", flush=True)
from darvaz.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "numbers",
    [[TERM], [INT], [HUP], [TERM, TERM], [INT, INT], [INT, INT, INT], [TERM, INT]],
    ids=lambda numbers: " ".join(number.name for number in numbers),
)
def test_any_signals_end_the_gateway_with_status_0_and_a_complete_journal(numbers: list[signal.Signals]) -> None:
    with GatewayProcess() as gateway, connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send('{"type":"connect","device":"last"}')
        board.recv(timeout=DEADLINE_S)
        board.send('{"type":"log","message":"last words"}')
        board.send('{"type":"telemetry","values":{"temperature":21.5}}')
        board.send('{"type":"ping"}')
        board.recv(timeout=DEADLINE_S)

        for number in numbers:
            gateway.process.send_signal(number)
        with pytest.raises(ConnectionClosed):
            # An error message with the reason comes before the close.
            while board.recv(timeout=DEADLINE_S):
                pass
        status = gateway.process.wait(DEADLINE_S)

        assert (status, board.close_code) == (0, 1012)
        assert "Traceback" not in gateway.log_text() and "ERROR" not in gateway.log_text()
        lines = journalled.lines(gateway.data)
        assert any("last words" in (line.payload or "") for line in lines)
        assert lines[-1].type == "gateway stopped"


@pytest.mark.parametrize("delay_ms", [0, 30, 60, 120, 180, 240, 300, 400])
def test_ctrl_c_while_the_gateway_starts_is_quiet(delay_ms: int, tmp_path: Path) -> None:
    options = ["serve", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(delay_ms / 1000)
        process.send_signal(INT)
        errors = process.communicate(timeout=DEADLINE_S)[1]

    # A shell shows 130 for both: killed by the signal, or ended because of it.
    assert process.returncode in (0, 130, -INT)
    assert "Traceback" not in errors


def test_a_gateway_started_with_nohup_keeps_running_after_its_terminal() -> None:
    with GatewayProcess(prefix=["nohup"]) as gateway:
        gateway.process.send_signal(HUP)

        assert gateway.get("/health").status_code == 200
        assert gateway.stop() == 0
