"""What waits on a board during an outage, sent over links that break: recorded once, at its time, or counted."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
import pytest_asyncio

from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.journal.queries import Row
from firmware.lib.darvaz import outbox, seldom, websocket
from firmware.lib.darvaz.outbox import Log
from tests.support.app import RunningApp
from tests.support.outbox_board import BOOT_ID, DEADLINE_S, OutboxBoard, deliver
from tests.support.record_model import in_history, journalled

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_MS = 3_600_000
# Ten readings a second: two in each report.
REPORT_EVERY_MS = 200
NUMBERED = ("telemetry", "log", "crash")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(links_per_address_max=10_000, heartbeat_s=600.0) as running:
        yield running


@pytest.fixture(autouse=True)
def _modules_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board unloads what it needs seldom; to load that for each link would take most of the time."""
    for module in (outbox, websocket):
        monkeypatch.setattr(module, "unload", lambda *_: None)


async def recorded(gateway: RunningApp) -> tuple[dict[str, list[Row]], dict[str, list[tuple[float, int]]]]:
    """Returns what journal and history have of each board."""
    assert await wait_until_written(gateway.parts.journal, DEADLINE_S)
    assert await gateway.parts.history.wait_until_stored(DEADLINE_S)
    rows: dict[str, list[Row]] = {}
    for row in journalled(gateway.data):
        if row.type in (*NUMBERED, "gap"):
            rows.setdefault(row.device or "", []).append(row)
    return rows, in_history(gateway.data)


def say_first(board: OutboxBoard) -> None:
    board.say("telemetry", 1000, values={"n": board.made})
    board.say("log", 1001, level="info", message="dry")
    board.say("crash", 1002, reason="task", boot_id=BOOT_ID)


def say_more(board: OutboxBoard) -> None:
    board.say("log", 1003, level="info", message="wet")
    board.say("telemetry", 1004, values={"n": board.made})


async def play(gateway: RunningApp, boards: list[OutboxBoard], cut_after_bytes: list[int]) -> int:
    """Has each board drain its outbox over a link that is cut, and what is left of it over another.

    Returns how many bytes the first link of the last board had left.
    """
    for board, bytes_max in zip(boards, cut_after_bytes, strict=True):
        await board.connect(gateway, 2000)
        board.cable.left_bytes = bytes_max
        board.cable.cut_if_due()
        say_first(board)
    await deliver(gateway, boards)
    for board in boards:
        say_more(board)
    await deliver(gateway, boards)
    left_bytes = boards[-1].cable.left_bytes or 0
    for board in boards:
        board.cable.left_bytes = 0
        board.cable.cut_if_due()
        await board.connect(gateway, 3000)
    await deliver(gateway, boards)
    return left_bytes


async def test_a_link_cut_after_any_byte_while_the_outbox_drains_costs_and_repeats_nothing(gateway: RunningApp) -> None:
    whole = OutboxBoard("whole")
    sent_bytes = 10_000 - await play(gateway, [whole], [10_000])
    boards = [OutboxBoard(f"cut-{after_bytes}") for after_bytes in range(sent_bytes)]
    await play(gateway, boards, list(range(sent_bytes)))

    rows, readings = await recorded(gateway)
    assert [row for found in rows.values() for row in found if row.type == "gap"] == []
    numbers = {device: [json.loads(row.payload)["seq"] for row in found] for device, found in rows.items()}
    devices = ["whole", *(board.device for board in boards)]
    assert numbers == {device: [0, 1, 2, 3, 4] for device in devices}
    assert {device: sorted(value for _, value in found) for device, found in readings.items()} == {
        device: [0, 4] for device in devices
    }
    assert [board.device for board in boards if board.outbox.used or board.outbox.lost] == []


async def test_an_hour_of_readings_in_a_ring_of_4_kb_is_kept_at_its_times_or_counted(gateway: RunningApp) -> None:
    board = OutboxBoard("away")
    board.say("log", 0, level="warning", message="the Wi-Fi is gone")
    for uptime_ms in range(REPORT_EVERY_MS, HOUR_MS + 1, REPORT_EVERY_MS):
        board.say("telemetry", uptime_ms, values={"n": board.made, "again": board.made})
    reports, lost, thinned = board.made - 1, board.outbox.lost, board.outbox.thinned

    before_s = time.time()
    await board.connect(gateway, HOUR_MS)
    after_s = time.time()
    await deliver(gateway, [board])
    log = Log(lambda: HOUR_MS, lambda level, at_ms, text: board.say("log", at_ms, level=level, message=text), echo=None)
    seldom.tell_losses(SimpleNamespace(outbox=board.outbox, log=log, crowded=0))
    await deliver(gateway, [board])
    journal, history = await recorded(gateway)
    rows, readings = journal["away"], history["away"]

    kept = [json.loads(row.payload) for row in rows if row.type == "telemetry"]
    assert (len(kept) + thinned + lost, lost) == (reports, 0)
    assert sum(int(row.payload.split()[0]) for row in rows if row.type == "gap") == thinned
    lines = [json.loads(row.payload)["message"] for row in rows if row.type == "log"]
    assert lines == ["the Wi-Fi is gone", f"{thinned} reports were left out while the gateway was away"]
    assert (kept[0]["uptime_ms"], kept[-1]["uptime_ms"]) == (REPORT_EVERY_MS, HOUR_MS)
    assert [message["uptime_ms"] for message in kept] == [message["seq"] * REPORT_EVERY_MS for message in kept]
    assert sorted(value for _, value in readings) == [message["seq"] for message in kept for _ in message["values"]]
    hour_began_s = [time_s - value * REPORT_EVERY_MS / 1000 for time_s, value in readings]
    # Half a report: a process that waits for a processor reads its two clocks some milliseconds apart.
    assert max(hour_began_s) - min(hour_began_s) < REPORT_EVERY_MS / 2000
    assert before_s - 0.1 <= hour_began_s[0] + HOUR_MS / 1000 <= after_s + 0.1
