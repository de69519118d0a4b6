"""The API's journal: pages both ways, filters, and files that nothing in them can turn against their reader."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import ask, assert_problem, until
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

# Everything that a board may be called and that somebody might take for something else.
HOSTILE = '=HYPERLINK("x","<script>alert(1)</script>")\',;`$(x)'.replace("/", "∕")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


async def test_the_journal_is_read_page_by_page_in_both_directions(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "paged") as board:
        for number in range(25):
            await board.say("log", message=f"line {number}", level="info")
    path = "/api/journal?device=paged&type=log&limit=10"
    await until(gateway, "/api/journal?device=paged&type=log", lambda page: len(page["rows"]) == 25)

    newest = (await ask(gateway, "GET", path)).json()
    middle = (await ask(gateway, "GET", f"{path}&before={newest['older']}")).json()
    oldest = (await ask(gateway, "GET", f"{path}&before={middle['older']}")).json()
    forward = (await ask(gateway, "GET", f"{path}&after={oldest['newer']}")).json()
    after_all = (await ask(gateway, "GET", f"{path}&after={newest['newer']}")).json()

    def said(page: dict[str, Any]) -> list[int]:
        return [int(json.loads(row["payload"])["message"].split()[1]) for row in page["rows"]]

    assert [said(page) for page in (newest, middle, oldest)] == [list(range(15, 25)), list(range(5, 15)), [*range(5)]]
    assert oldest["older"] is None
    assert said(forward) == list(range(5, 15))
    assert (after_all["rows"], after_all["newer"]) == ([], newest["newer"])


async def test_the_journal_is_filtered_by_direction_and_time(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "filtered"):
        pass
    path = "/api/journal?device=filtered"
    await until(gateway, path, lambda page: any(row["type"] == "disconnected" for row in page["rows"]))

    states = (await ask(gateway, "GET", f"{path}&direction=%3D")).json()["rows"]
    future = (await ask(gateway, "GET", f"{path}&from={time.time() + 60}")).json()["rows"]
    minute = (await ask(gateway, "GET", f"{path}&from=-60&to=0")).json()["rows"]

    assert {row["direction"] for row in states} == {"="}
    assert future == [] and minute != []


async def test_a_hostile_name_is_harmless_in_every_output(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, HOSTILE, board="<img src=x onerror=alert(1)>") as board:
        await board.say("log", message='@SUM(1)\n"quoted",<b>\u001b[31mred\u202e', level="info")
        await board.say("telemetry", values={"temperature": 1})
        rows = await until(
            gateway, "/api/journal?type=log", lambda page: any(r["device"] == HOSTILE for r in page["rows"])
        )
        devices = await ask(gateway, "GET", "/api/devices")
        metrics = (await ask(gateway, "GET", "/metrics")).text
        export = await ask(gateway, "GET", "/api/journal/export?format=csv")
        lines = (await ask(gateway, "GET", "/api/journal/export")).text

    assert HOSTILE in [device["id"] for device in devices.json()["devices"]]
    assert devices.headers["content-type"] == "application/json", "never a page"
    assert export.headers["content-type"].startswith("text/csv")
    assert export.headers["content-disposition"].startswith('attachment; filename="darvaz-journal-')
    table = list(csv.reader(io.StringIO(export.content.decode("utf-8-sig"))))
    assert table[0] == ["id", "time", "device", "kind", "address", "direction", "type", "payload"]
    cells = [cell for row in table[1:] for cell in row]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert not [cell for cell in cells if not cell.isprintable()]
    assert {len(row) for row in table} == {8}
    assert [json.loads(line)["device"] for line in lines.splitlines() if json.loads(line)["type"] == "log"].count(
        HOSTILE
    ) == 1
    assert rows["rows"]
    up = [s for f in text_string_to_metric_families(metrics) for s in f.samples if s.name == "darvaz_device_up"]
    assert HOSTILE in {sample.labels["device"] for sample in up}


async def test_an_export_of_many_rows_is_whole(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "talkative") as board:
        for number in range(2500):
            await board.say("log", message=str(number), level="debug")
            if number % 500 == 499:
                await board.say("ping")
                await board.hear("pong")
                await asyncio.sleep(1)
    await until(gateway, "/api/journal?device=talkative&type=disconnected", lambda page: page["rows"])

    lines = (await ask(gateway, "GET", "/api/journal/export?device=talkative&type=log")).text.splitlines()

    assert [json.loads(json.loads(line)["payload"])["message"] for line in lines] == [str(n) for n in range(2500)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "direction=x", "before=-1", f"after={2**63}", "device="])
async def test_a_faulty_page_is_refused(gateway: GatewayProcess, query: str) -> None:
    assert_problem(await ask(gateway, "GET", f"/api/journal?{query}"), 422, "invalid")
