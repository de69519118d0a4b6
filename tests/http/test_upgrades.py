"""Data folders of every earlier version of the tables are brought up to date, with all that they have."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.access.credentials import make_credential
from darvaz.gateway.storage.schema import MIGRATIONS, Migrations
from darvaz.gateway.telemetry.blocks import pack
from darvaz.gateway.telemetry.history_schema import MIGRATIONS as HISTORY_MIGRATIONS
from tests.support.app import RunningApp

EXTERNAL = "203.0.113.9"
# An hour before today: all readings are of one day.
NOW_S = time.time() // 86_400 * 86_400 - 3600
ROWS = 40
# Versions of the tables of both databases, as they were used together; there was no history at first.
VERSIONS = {(1, 0), (2, 0), (3, 1), (3, 2), (4, 2), (5, 3), (6, 3), (len(MIGRATIONS), len(HISTORY_MIGRATIONS))}
# An entry that was released is never changed, only followed; a function counts by its name.
FINGERPRINTS = {
    "darvaz": ["f622a1a1", "e6fd4aa3", "4bb50cc4", "53ec9e62", "6719fa72", "7c031fca", "eee5a20a"],
    "history": ["a648c89f", "be63599e", "6719fa72", "1fc429d4"],
}

_TOKEN = (
    "INSERT INTO tokens (id, secret_sha256, kind, label, is_minted, created_s) VALUES (?, ?, 'operator', 'me', 0, ?)"
)
_DEVICE = (
    "INSERT INTO devices (id, kind, first_seen_s, last_seen_s, address, label)"
    " VALUES ('pico', 'pico', ?, ?, '', 'Kitchen')"
)
_ROW = (
    "INSERT INTO journal (time_ms, device, kind, address, direction, type, payload)"
    " VALUES (?, 'pico', 'pico', '', '<', 'log', ?)"
)
_BATCH = (
    "INSERT INTO journal_batches (id, size, first_ms, last_ms, devices, moments) VALUES (1, ?, ?, ?, '[\"pico\"]', ?)"
)
_BLOCK = "INSERT INTO readings (series, day, first_ms, last_ms, count, block) VALUES (1, ?, ?, ?, ?, ?)"


def make_tables(path: Path, migrations: Migrations, version: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    for statement in (statement for entry in migrations[:version] for statement in entry):
        connection.execute(statement) if isinstance(statement, str) else statement(connection)
    connection.execute(f"PRAGMA user_version = {version}")
    return connection


def fill(folder: Path, version: int, history_version: int) -> str:
    """Makes a data folder as that version left it, and returns the token in it."""
    made, now_ms = make_credential(), int(NOW_S * 1000)
    folder.mkdir()
    with closing(make_tables(folder / "darvaz.sqlite3", MIGRATIONS, version)) as database:
        database.execute(_TOKEN, (made.identity, made.digest, NOW_S))
        database.execute(_DEVICE, (NOW_S, NOW_S))
        payloads = [json.dumps({"type": "log", "message": f"line {number}"}) for number in range(ROWS)]
        if version == 1:
            database.executemany(_ROW, [(now_ms + number, payload) for number, payload in enumerate(payloads)])
        else:
            groups = [[now_ms + n, "pico", "pico", "", [["<", "log", payload]]] for n, payload in enumerate(payloads)]
            database.execute(_BATCH, (ROWS, now_ms, now_ms + ROWS, json.dumps(groups)))
        if version >= 4:
            database.execute("INSERT INTO journal_index VALUES (1, '<', 'log', 'pico', 'pico', ?)", (ROWS,))
    if history_version:
        with closing(make_tables(folder / "history.sqlite3", HISTORY_MIGRATIONS, history_version)) as history:
            fill_history(history, history_version, now_ms)
    return made.text


def fill_history(history: sqlite3.Connection, version: int, now_ms: int) -> None:
    history.execute("INSERT INTO series (id, device, name) VALUES (1, 'pico', 't')")
    times_ms = [now_ms - 1000 * number for number in range(ROWS, 0, -1)]
    if version == 1:
        history.executemany("INSERT INTO readings VALUES (1, ?, 21.5)", [(time_ms,) for time_ms in times_ms])
    else:
        block = (times_ms[0] // 86_400_000, times_ms[0], times_ms[-1], ROWS, pack(times_ms, [21.5] * ROWS))
        history.execute(_BLOCK, block)
        history.execute("INSERT INTO days VALUES (?)", (block[0],))
    hour_s = times_ms[0] // 1000 // 3600 * 3600
    history.execute("INSERT INTO hours VALUES (1, ?, ?, ?, 21.5, 21.5)", (hour_s, ROWS, 21.5 * ROWS))


@pytest.mark.parametrize(("version", "history_version"), sorted(VERSIONS))
async def test_a_data_folder_of_an_earlier_version_has_everything(version: int, history_version: int) -> None:
    gateway = RunningApp()
    token = fill(gateway.data, version, history_version)
    async with gateway:
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await gateway.ask("GET", "/api/tokens", EXTERNAL, headers=bearer)).status_code == 200
        [device] = (await gateway.get("/api/devices")).json()["devices"]
        assert device["label"] == "Kitchen"
        rows = (await gateway.get("/api/journal", params={"type": "log"})).json()["rows"]
        assert [json.loads(row["payload"])["message"] for row in rows] == [f"line {number}" for number in range(ROWS)]
        plot = await gateway.get("/api/devices/pico/telemetry/t", params={"from": NOW_S - 600, "to": NOW_S + 600})
        assert [point[1] for point in plot.json()["points"]] == [21.5] * (ROWS if history_version else 0)
        assert (await gateway.get("/api/health")).json()["problems"] == []


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_no_entry_of_the_tables_was_changed(name: str) -> None:
    entries = {"darvaz": MIGRATIONS, "history": HISTORY_MIGRATIONS}[name]
    texts = [repr([each if isinstance(each, str) else each.__name__ for each in entry]) for entry in entries]

    found = [hashlib.sha256(text.encode()).hexdigest()[:8] for text in texts]
    assert found[: len(FINGERPRINTS[name])] == FINGERPRINTS[name]
