"""Data folders of every version of the tables, the first to the newest, are brought up to date with all they have."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.access.credentials import make_credential
from darvaz.gateway.journal.queries import JournalFilter, read
from darvaz.gateway.storage.database import DATABASE_NAME, open_database
from darvaz.gateway.storage.schema import MIGRATIONS, Migrations
from darvaz.gateway.telemetry.blocks import pack
from darvaz.gateway.telemetry.history_queries import plot
from darvaz.gateway.telemetry.history_schema import MIGRATIONS as HISTORY_MIGRATIONS
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support.app import RunningApp

EXTERNAL = "203.0.113.9"
# An hour before today: all readings are of one day.
NOW_S = time.time() // 86_400 * 86_400 - 3600
ROWS = 40
# Versions of the tables of both databases that a gateway is started with; there was no history at first.
STARTED = {(1, 0), (3, 1), (len(MIGRATIONS), len(HISTORY_MIGRATIONS))}
# An entry that was released is never changed, only followed; a function counts by its name. A new entry is added here.
FINGERPRINTS = {
    "darvaz": (
        "f622a1a1 e6fd4aa3 4bb50cc4 53ec9e62 6719fa72 7c031fca eee5a20a 6f00218f 8135dd56 9d6ca34f"
        " 0ea2ec2d 942819d4 025e7a0e e2efe3b2 b9b78099 562221bd c9aed3fe fdef8307 d769e1c2 5aa06261"
        " 09a2bc5c 4dd505dd 85d65c97"
    ),
    "history": "a648c89f be63599e 6719fa72 1fc429d4 841d147d",
}
# What is put into columns of these types.
SAMPLES = {"TEXT": "1", "INTEGER": 1, "REAL": 1.5, "BLOB": b"1"}

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
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for statement in (statement for entry in migrations[:version] for statement in entry):
        connection.execute(statement) if isinstance(statement, str) else statement(connection)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("COMMIT")
    return connection


def fill(folder: Path, version: int, history_version: int) -> str:
    """Makes a data folder as that version left it, and returns the token in it."""
    made, now_ms = make_credential(), int(NOW_S * 1000)
    folder.mkdir()
    with closing(make_tables(folder / "darvaz.sqlite3", MIGRATIONS, version)) as database:
        database.execute("BEGIN")
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
        database.execute("COMMIT")
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


def columns_of(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """Returns the columns of a table and their types."""
    return {row[1]: row[2] for row in database.execute(f"PRAGMA table_info({table})")}


def schema_of(database: sqlite3.Connection) -> list[tuple[str, str]]:
    return database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


@pytest.fixture(scope="module")
def newest_schema(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Returns the tables of a new data folder."""
    with closing(open_database(tmp_path_factory.mktemp("new"))) as database:
        return schema_of(database)


def put_rows(database: sqlite3.Connection) -> dict[str, dict[str, object]]:
    """Puts a row into each table that `fill` left empty, and returns these rows."""
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows: dict[str, dict[str, object]] = {}
    for name in names:
        if not name.startswith(("journal", "sqlite_")) and not database.execute(f"SELECT 1 FROM {name}").fetchone():
            rows[name] = {column: SAMPLES[type_] for column, type_ in columns_of(database, name).items()}
            marks = ", ".join("?" * len(rows[name]))
            database.execute(
                f"INSERT INTO {name} ({', '.join(rows[name])}) VALUES ({marks})", tuple(rows[name].values())
            )
    return rows


def rows_of(database: sqlite3.Connection, put: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Returns the only row of each of these tables, with the columns that it was put in with."""
    found: dict[str, dict[str, object]] = {}
    for name, row in put.items():
        [values] = database.execute(f"SELECT {', '.join(row)} FROM {name}")
        found[name] = dict(zip(row, values, strict=True))
    return found


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_tables_of_every_version_become_the_newest_and_keep_their_rows(
    version: int, tmp_path: Path, newest_schema: list[tuple[str, str]]
) -> None:
    fill(tmp_path / "data", version, 0)
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE_NAME, isolation_level=None)) as database:
        put = put_rows(database)

    with closing(open_database(tmp_path / "data")) as database:
        assert schema_of(database) == newest_schema
        assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert rows_of(database, put) == put
        assert database.execute("SELECT id, label FROM devices").fetchall() == [("pico", "Kitchen")]
        assert database.execute("SELECT kind, label FROM tokens").fetchall() == [("operator", "me")]
        found = [json.loads(row.payload)["message"] for row in read(database, JournalFilter(device="pico", type="log"))]
        assert found == [f"line {number}" for number in range(ROWS)]


@pytest.mark.parametrize("version", range(1, len(HISTORY_MIGRATIONS) + 1))
def test_a_history_of_every_version_has_all_its_readings(version: int, tmp_path: Path) -> None:
    fill(tmp_path / "data", 1, version)

    with closing(open_history(tmp_path / "data")) as history:
        points = plot(history, "pico", "t", NOW_S - 600, NOW_S + 600, 500).points
        assert [point.mean for point in points] == [21.5] * ROWS


@pytest.mark.parametrize(("version", "history_version"), sorted(STARTED))
async def test_a_gateway_shows_what_an_earlier_version_recorded(version: int, history_version: int) -> None:
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

    assert " ".join(hashlib.sha256(text.encode()).hexdigest()[:8] for text in texts) == FINGERPRINTS[name]
