"""An export of a long history: each reading is in the file, and the gateway's memory does not grow with it."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from darvaz.client.local_token import LocalTokenAuth
from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess

NAMES, REPORTS = 60, 10_000
# What a portion of the history, its rows as text and a connection's buffers take; the file is more than twice this.
GROWTH_BYTES_MAX = 12 << 20
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc"),
]


async def report(board: Board) -> None:
    for number in range(REPORTS):
        await board.send("telemetry", values={f"name_{name:02}": number + name / 8 for name in range(NAMES)})
        if number % 500 == 499:
            await board.send("ping")
            await board.receive("pong")


def forget_peak(pid: int) -> None:
    """Begins a new peak of a process's memory."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def export(gateway: GatewayProcess, query: str = "") -> tuple[int, int]:
    """Returns how many rows and bytes a file has."""
    auth, rows, size = LocalTokenAuth(gateway.url, gateway.data), 0, 0
    with httpx.stream(
        "GET", f"{gateway.url}/api/telemetry/export{query}", auth=auth, trust_env=False, verify=False, timeout=60
    ) as response:
        for piece in response.iter_bytes():
            rows, size = rows + piece.count(b"\n"), size + len(piece)
    return rows - 1, size


async def test_an_export_of_600_000_readings_takes_no_more_memory_than_a_short_one() -> None:
    with GatewayProcess("--messages-per-s-max", "1000000") as gateway:
        pid = gateway.process.pid
        async with board_at(gateway.ws_url, "reporter") as board:
            await report(board)
            short = export(gateway, "?name=name_00")
            forget_peak(pid)
            before_bytes = peak_bytes(pid)
            whole = export(gateway)
            growth_bytes = peak_bytes(pid) - before_bytes

    assert (short[0], whole[0]) == (REPORTS, NAMES * REPORTS)
    assert whole[1] > 2 * GROWTH_BYTES_MAX
    assert growth_bytes < GROWTH_BYTES_MAX
