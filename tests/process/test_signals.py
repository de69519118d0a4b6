"""Signals: however often and whenever they come, the end is quiet, the status right and the journal whole."""

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

# What Python says of Ctrl-C while it is still finding the program is not ours to keep quiet.
STARTER = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("here", flush=True)
from darvaz.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "numbers",
    [[TERM], [INT], [HUP], [TERM, TERM], [INT, INT], [INT, INT, INT], [TERM, INT]],
    ids=lambda numbers: " ".join(number.name for number in numbers),
)
def test_any_signals_end_the_gateway_with_status_0_and_a_whole_journal(numbers: list[signal.Signals]) -> None:
    with GatewayProcess() as gateway, connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send('{"type":"connect","device":"last"}')
        board.recv(timeout=DEADLINE_S)
        board.send('{"type":"log","message":"last words"}')
        board.send('{"type":"ping"}')
        board.recv(timeout=DEADLINE_S)

        for number in numbers:
            gateway.process.send_signal(number)
        with pytest.raises(ConnectionClosed):
            # Before the close, an error says why.
            while board.recv(timeout=DEADLINE_S):
                pass
        status = gateway.process.wait(DEADLINE_S)

        assert (status, board.close_code) == (0, 1012)
        assert "Traceback" not in gateway.log_text()
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
        assert process.stdout.readline() == "here\n"
        time.sleep(delay_ms / 1000)
        process.send_signal(INT)
        said = process.communicate(timeout=DEADLINE_S)[1]

    # The shell says 130 of both: ended by the signal, and ended because of it.
    assert process.returncode in (0, 130, -INT)
    assert "Traceback" not in said


def test_a_gateway_started_with_nohup_outlives_its_terminal() -> None:
    with GatewayProcess(prefix=["nohup"]) as gateway:
        gateway.process.send_signal(HUP)

        assert gateway.get("/health").status_code == 200
        assert gateway.stop() == 0
