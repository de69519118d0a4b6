"""The gateway as a service: it tells the service manager what it does, and logs in lines of JSON."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0
# What MemoryDenyWriteExecute= of the unit does, by prctl(2); older kernels do not know it.
DENIED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_service_is_ready_survives_a_reload_says_that_it_stops_and_logs_json(tmp_path: Path) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "DARVAZ_LOG_FORMAT": "json", "DARVAZ_PROT": "1"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(env["NOTIFY_SOCKET"])
        manager.settimeout(DEADLINE_S)
        with GatewayProcess(env=env) as gateway:
            ready = manager.recv(1_024)
            gateway.process.send_signal(signal.SIGHUP)
            health = gateway.get("/health")
            gateway.process.send_signal(signal.SIGTERM)
            stopping = manager.recv(1_024)
            gateway.process.wait(DEADLINE_S)
            lines = [json.loads(line) for line in gateway.log_text().splitlines()]

    assert ready == b"READY=1\nSTATUS=0 of 0 devices are online"
    assert health.json()["status"] == "ok"
    assert stopping.startswith(b"STOPPING=1")
    assert "DARVAZ_PROT is set, but is not a setting; did you mean DARVAZ_PORT?" in lines[0]["message"]
    assert lines[0]["level"] == "warning"
    assert any(line["message"].startswith("Darvaz ") for line in lines)


def test_a_gateway_that_may_make_no_memory_executable_serves() -> None:
    with GatewayProcess(prefix=[sys.executable, "-c", DENIED]) as gateway:
        assert gateway.get("/health").json()["status"] == "ok"
