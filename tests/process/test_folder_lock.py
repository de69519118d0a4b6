"""One gateway uses a data folder at a time."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0


def test_a_second_gateway_on_a_data_folder_says_which_process_has_it() -> None:
    with GatewayProcess() as gateway:
        command = [sys.executable, "-m", "darvaz", "serve", "--port", "0", "--data", str(gateway.data)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)

        assert second.returncode == 1
        assert f"is used by another gateway (process {gateway.process.pid}): stop it" in second.stderr


def test_a_gateway_that_was_killed_leaves_its_data_folder_free() -> None:
    with GatewayProcess() as gateway:
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait(DEADLINE_S)

        with GatewayProcess(data=gateway.data) as again:
            assert again.get("/health").status_code == 200
