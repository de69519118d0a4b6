"""`darvaz export telemetry` in each of its formats: the same readings, each once, in files of other programs."""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pandas
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from darvaz import Gateway
from darvaz.cli import cli
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

COUNT = 4_500
Row = tuple[str, str, float]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[GatewayProcess]:
    with GatewayProcess("--messages-per-s-max", "1000000") as running:
        for device, factor in (("=green,house", 0.1), ("barn", 1 / 3)):
            async with board_at(running.ws_url, device) as board:
                for number in range(COUNT):
                    await board.send("telemetry", values={"level": number * factor})
                for is_open in (True, False):
                    # Of changes in one millisecond, only the last one is shown: each is sent to a gateway that waits.
                    await board.send("ping")
                    await board.receive("pong")
                    await asyncio.sleep(0.005)
                    await board.send("telemetry", values={"lid": is_open, "mode": f"is {is_open}"})
                await board.send("ping")
                await board.receive("pong")
        yield running


async def export(gateway: GatewayProcess, *words: str | Path) -> Result:
    env = {"DARVAZ_GATEWAY": gateway.url, "DARVAZ_DATA": str(gateway.data)}
    command = ["export", "telemetry", *map(str, words)]
    return await asyncio.to_thread(CliRunner(env=env).invoke, cli, command)


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def shown_in_csv(path: Path) -> list[tuple[str, float]]:
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["name"] == "level"]
        return sorted((row["device"].removeprefix("'"), float(row["value"])) for row in rows)


async def test_each_format_has_each_reading_once(gateway: GatewayProcess, tmp_path: Path) -> None:
    files = {format_: tmp_path / f"readings.{format_}" for format_ in ("csv", "lines", "parquet", "sqlite")}
    for format_, file in files.items():
        done = await export(gateway, "--format", format_, "-o", file)
        assert done.exit_code == 0, done.output
    sent = sorted([("=green,house", "level", number * 0.1) for number in range(COUNT)]
                  + [("barn", "level", number * (1 / 3)) for number in range(COUNT)])  # fmt: skip
    whole = pandas.read_parquet(files["parquet"])
    table = whole[whole["value"].notna()]
    table, lids = table[table["name"] == "level"], table[table["name"] == "lid"]
    with sqlite3.connect(files["sqlite"]) as connection:
        rows: list[Row] = connection.execute(
            "SELECT device, name, value FROM telemetry WHERE name = 'level'"
        ).fetchall()
        others = connection.execute(
            "SELECT name, value, text FROM telemetry WHERE device = 'barn' AND name != 'level' ORDER BY name, time"
        ).fetchall()
        stamps = connection.execute("SELECT time FROM telemetry WHERE name = 'level' ORDER BY time")
        times = [round(time * 1000) for (time,) in stamps]
    shown = shown_in_csv(files["csv"])
    texts = whole[whole["device"] == "barn"]["text"].dropna()

    assert sorted(zip(table["device"], table["name"], table["value"], strict=True)) == sent
    assert sorted(rows) == sent
    assert (list(texts), list(lids["value"])) == (["is True", "is False"], [1, 0, 1, 0])
    assert others == [("lid", 1, None), ("lid", 0, None), ("mode", None, "is True"), ("mode", None, "is False")]
    assert sorted(time.timestamp() * 1000 for time in table["time"]) == times
    assert [device for device, _ in shown] == [device for device, _, _ in sent]
    assert all(abs(value - wanted) < 1e-9 for (_, value), (_, _, wanted) in zip(shown, sent, strict=True))
    assert files["lines"].read_text().count(r"telemetry,device=\=green\,house,name=level value=") == COUNT
    assert sorted(names_in(tmp_path)) == sorted(file.name for file in files.values())


async def test_a_file_of_tables_is_not_for_standard_output(gateway: GatewayProcess) -> None:
    done = await export(gateway, "--format", "parquet")

    assert done.exit_code == 2
    assert "parquet needs a file: --output readings.parquet" in done.output


async def test_readings_over_time_are_a_table_of_pandas(gateway: GatewayProcess) -> None:
    def ask() -> list[pandas.DataFrame]:
        with Gateway(gateway.url) as client:
            board = client["barn"]
            return [board.telemetry(name, since=timedelta(hours=1)).to_pandas() for name in ("level", "mode", "none")]

    table, mode, none = await asyncio.to_thread(ask)

    assert table["readings"].sum() == COUNT
    assert table["highest"].max() == (COUNT - 1) * (1 / 3)
    assert table.index.tz is not None
    assert (list(mode["value"]), list(none.columns)) == (["is True", "is False"], list(table.columns))
