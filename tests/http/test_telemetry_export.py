"""The history as a file: every reading once, in pieces, as CSV and as lines of InfluxDB."""

from __future__ import annotations

import csv
import io
import json
import time

from darvaz.gateway.telemetry.text_export import CHANGES_MAX
from tests.support.app import RunningApp
from tests.support.board import Board, board_at

COUNT = 3_000


async def fill(gateway: RunningApp, board: Board) -> None:
    """Reports many values, and returns once the gateway has them."""
    for number in range(COUNT):
        await board.send("telemetry", values={"n": number, "temperature": number / 8})
        if number % 500 == 499:
            await board.send("ping")
            await board.receive("pong")


async def test_each_reading_is_in_the_file_once() -> None:
    async with (
        RunningApp(messages_per_s_max=1e6) as gateway,
        board_at(gateway, "گلخانه") as board,
        board_at(gateway, "other") as other,
    ):
        await fill(gateway, board)
        await other.send("telemetry", values={"n": -1})
        await other.send("ping")
        await other.receive("pong")
        whole = (await gateway.get("/api/telemetry/export")).text
        one = (await gateway.get("/api/telemetry/export?device=گلخانه&name=n&from=-600")).text
        lines = (await gateway.get("/api/telemetry/export?device=گلخانه&name=temperature&format=lines")).text
        none = (await gateway.get("/api/telemetry/export?to=1000")).text
        unknown = await gateway.get("/api/telemetry/export?device=nobody")

    rows = list(csv.DictReader(io.StringIO(one)))
    assert sorted(int(row["value"]) for row in rows) == list(range(COUNT))
    assert {row["device"] for row in rows} == {"گلخانه"}
    assert whole.count("\n") == 1 + 2 * COUNT + 1
    first = lines.splitlines()[0]
    assert first.startswith("telemetry,device=گلخانه,name=temperature value=")
    assert abs(int(first.rsplit(" ", 1)[1]) / 1e9 - time.time()) < 600
    assert len(lines.splitlines()) == COUNT
    assert none == "device,name,time,value\r\n"
    assert (unknown.status_code, json.loads(unknown.text)["code"]) == (404, "unknown_device")


async def test_the_changes_of_texts_follow_the_numbers() -> None:
    texts = ['=1+1 "x"', "two, three\nfour", *map(str, range(CHANGES_MAX + 20))]
    async with RunningApp(messages_per_s_max=1e6) as gateway, board_at(gateway, "door") as board:
        for number, text in enumerate(texts):
            await board.send("telemetry", values={"n": number, "mode": text, "open": number % 2 == 0})
        await board.send("ping")
        await board.receive("pong")
        rows = list(csv.DictReader(io.StringIO((await gateway.get("/api/telemetry/export?to=3e9")).text, newline="")))
        lines = (await gateway.get("/api/telemetry/export?to=3e9&format=lines")).text.splitlines()
        later = (await gateway.get("/api/telemetry/export?from=4000000000&to=4000000001")).text
        columns = (await gateway.get("/api/telemetry/export?to=3e9&format=columns&name=mode")).text.splitlines()

    values = {name: [row["value"] for row in rows if row["name"] == name] for name in ("mode", "open", "n")}
    assert sorted(values["mode"]) == sorted(["'" + texts[0], *texts[1:]])
    assert values["open"].count("1") == values["open"].count("0") == len(texts) / 2
    assert [row["name"] for row in rows[-len(texts) :]] == ["mode"] * len(texts)
    assert any('name=mode text="=1+1 \\"x\\"" ' in line for line in lines)
    assert any('name=mode text="two, three four" ' in line for line in lines)
    assert len(lines) == len(rows) == 3 * len(texts)
    assert [len(json.loads(line)["values"]) for line in columns] == [CHANGES_MAX, len(texts) - CHANGES_MAX]
    assert later == "device,name,time,value\r\n"


async def test_the_verb_writes_the_file_and_refuses_what_does_not_fit() -> None:
    async with RunningApp() as gateway:
        wrong = await gateway.run_cli("export", "telemetry", "--type", "log", "--gateway", "http://127.0.0.1:1")
        format_ = await gateway.run_cli("export", "telemetry", "--format", "jsonl", "--gateway", "http://127.0.0.1:1")

    assert "--kind and --type are for the journal" in wrong.output
    assert "is one of csv, lines" in format_.output
