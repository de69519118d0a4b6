"""The API of the journal: pages in both directions, filters, and exports that are harmless to open."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from datetime import datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from darvaz.gateway.storage.reading import StoreBusyError
from tests.support.api import assert_problem, until
from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A device id with characters that mean something to spreadsheets, HTML, shells and query strings.
HOSTILE = '=HYPERLINK("x","<script>alert(1)</script>")\',;`$(x)'.replace("/", "∕")


async def test_the_journal_is_read_page_by_page_in_both_directions(gateway: RunningApp) -> None:
    async with board_at(gateway, "paged") as board:
        for number in range(25):
            await board.send("log", message=f"line {number}", level="info")
    path = "/api/journal?device=paged&type=log&limit=10"
    await until(gateway, "/api/journal?device=paged&type=log", lambda page: len(page["rows"]) == 25)

    newest = (await gateway.ask("GET", path)).json()
    middle = (await gateway.ask("GET", f"{path}&before={newest['older']}")).json()
    oldest = (await gateway.ask("GET", f"{path}&before={middle['older']}")).json()
    forward = (await gateway.ask("GET", f"{path}&after={oldest['newer']}")).json()
    after_all = (await gateway.ask("GET", f"{path}&after={newest['newer']}")).json()

    def numbers(page: dict[str, Any]) -> list[int]:
        return [int(json.loads(row["payload"])["message"].split()[1]) for row in page["rows"]]

    assert [numbers(page) for page in (newest, middle, oldest)] == [
        list(range(15, 25)),
        list(range(5, 15)),
        [*range(5)],
    ]
    assert oldest["older"] is None
    assert numbers(forward) == list(range(5, 15))
    assert (after_all["rows"], after_all["newer"]) == ([], newest["newer"])


async def test_the_journal_is_filtered_by_direction_and_time(gateway: RunningApp) -> None:
    async with board_at(gateway, "filtered"):
        pass
    path = "/api/journal?device=filtered"
    await until(gateway, path, lambda page: any(row["type"] == "disconnected" for row in page["rows"]))

    states = (await gateway.ask("GET", f"{path}&direction=%3D")).json()["rows"]
    future = (await gateway.ask("GET", f"{path}&from={time.time() + 60}")).json()["rows"]
    minute = (await gateway.ask("GET", f"{path}&from=-60&to=0")).json()["rows"]

    assert {row["direction"] for row in states} == {"="}
    assert future == [] and minute != []


async def test_what_waited_on_a_board_is_shown_with_the_time_it_happened(gateway: RunningApp) -> None:
    async with board_at(gateway, "late", uptime_ms=100_000) as board:
        await board.send("log", message="waited", uptime_ms=40_000)
        await board.send("log", message="old client")
    rows = await until(gateway, "/api/journal?device=late&type=log", lambda page: len(page["rows"]) == 2)
    exported = (await gateway.ask("GET", "/api/journal/export?device=late&type=log")).text.splitlines()
    table = (await gateway.ask("GET", "/api/journal/export?device=late&type=log&format=csv")).text
    printed = gateway.run_reading_cli("log", "--device", "late", "--type", "log").output.splitlines()

    ages_s = [row["time"] - row["happened"] for row in rows["rows"]]
    assert ages_s[0] == pytest.approx(60, abs=5) and ages_s[1] == 0
    assert [json.loads(line) for line in exported] == rows["rows"]
    times = [datetime.fromisoformat(row[-1]).timestamp() for row in csv.reader(table.splitlines()[1:])]
    assert times == [row["happened"] for row in rows["rows"]]
    assert ["(happened " in line for line in printed] == [True, False]


async def test_a_hostile_name_is_harmless_in_every_output(gateway: RunningApp) -> None:
    async with board_at(gateway, HOSTILE, board="<img src=x onerror=alert(1)>") as board:
        await board.send("log", message='@SUM(1)\n"quoted",<b>\u001b[31mred\u202e', level="info")
        await board.send("telemetry", values={"temperature": 1})
        rows = await until(
            gateway, "/api/journal?type=log", lambda page: any(r["device"] == HOSTILE for r in page["rows"])
        )
        devices = await gateway.ask("GET", "/api/devices")
        metrics = (await gateway.ask("GET", "/metrics")).text
        export = await gateway.ask("GET", "/api/journal/export?format=csv")
        lines = (await gateway.ask("GET", "/api/journal/export")).text

    assert HOSTILE in [device["id"] for device in devices.json()["devices"]]
    assert devices.headers["content-type"] == "application/json", "never a page"
    assert export.headers["content-type"].startswith("text/csv")
    assert export.headers["content-disposition"].startswith('attachment; filename="darvaz-journal-')
    table = list(csv.reader(io.StringIO(export.content.decode("utf-8-sig"))))
    assert table[0] == ["id", "time", "device", "kind", "address", "direction", "type", "payload", "happened"]
    cells = [cell for row in table[1:] for cell in row]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert not [cell for cell in cells if not cell.isprintable()]
    assert {len(row) for row in table} == {9}
    assert [json.loads(line)["device"] for line in lines.splitlines() if json.loads(line)["type"] == "log"].count(
        HOSTILE
    ) == 1
    assert rows["rows"]
    up = [s for f in text_string_to_metric_families(metrics) for s in f.samples if s.name == "darvaz_device_up"]
    assert HOSTILE in {sample.labels["device"] for sample in up}


async def test_no_cell_begins_a_formula_where_a_semicolon_separates(gateway: RunningApp) -> None:
    hostile = ["x;=HYPERLINK(1)", 'x;"=1+1"', "x; \t@SUM(1)", "x;-1;+1", "x;＝1", 'x;""=1""', "x;'=1"]
    async with board_at(gateway, "semicolon;=1+1") as board:
        for text in hostile:
            await board.send("log", message=text, level="info")
    await until(gateway, "/api/journal?device=semicolon%3B%3D1%2B1&type=disconnected", lambda page: page["rows"])

    export = await gateway.get("/api/journal/export?format=csv&device=semicolon%3B%3D1%2B1")

    text = export.content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
    assert len(cells) > len(hostile)
    assert [cell for cell in cells if cell.strip(' "').startswith(("=", "+", "-", "@", "＝"))] == []


async def test_an_export_of_many_entries_is_complete() -> None:
    async with RunningApp(messages_per_s_max=1_000_000) as gateway:
        async with board_at(gateway, "talkative") as board:
            for number in range(2500):
                await board.send("log", message=str(number), level="debug")
        await until(gateway, "/api/journal?device=talkative&type=disconnected", lambda page: page["rows"])

        export = await gateway.get("/api/journal/export?device=talkative&type=log")

    lines = export.text.splitlines()
    assert [json.loads(json.loads(line)["payload"])["message"] for line in lines] == [str(n) for n in range(2500)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "direction=x", "before=-1", f"after={2**63}", "device="])
async def test_an_invalid_page_query_is_refused(gateway: RunningApp, query: str) -> None:
    assert_problem(await gateway.ask("GET", f"/api/journal?{query}"), 422, "invalid")


async def test_an_export_goes_on_where_too_many_others_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darvaz.gateway.api.journal._BUSY_WAIT_S", 0.01)
    async with RunningApp() as gateway:
        gateway.parts.journal.record(None, None, "", "=", "kept", "")
        read, refusals = gateway.parts.exporter.read, iter(range(3))

        async def read_when_free(*args: Any) -> Any:
            if next(refusals, None) is not None:
                raise StoreBusyError("too many")
            return await read(*args)

        monkeypatch.setattr(gateway.parts.exporter, "read", read_when_free)
        answer = await gateway.get("/api/journal/export", params={"type": "kept"})

    assert [json.loads(line)["type"] for line in answer.text.splitlines()] == ["kept"]


async def test_an_export_is_complete_though_its_process_is_killed_and_cannot_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with RunningApp() as gateway:
        gateway.parts.journal.record(None, None, "", "=", "kept", "")
        path = "/api/journal/export?type=kept&format=csv"
        made = [await gateway.get(path)]
        process = gateway.parts.exporter._process
        assert process is not None, "the first one is made by a process"
        process.kill()
        made.append(await gateway.get(path))
        monkeypatch.setattr(sys, "executable", "")
        made.append(await gateway.get(path))

    assert [len(list(csv.reader(io.StringIO(export.text)))) for export in made] == [2, 2, 2]
    assert len({export.content for export in made}) == 1
