"""A device that was forgotten leaves nothing to the next one of its name, also after a restart."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.esphome.identities import Identities
from tests.support.app import RunningApp
from tests.support.camera import Camera, jpeg
from tests.support.viewing import MjpegViewer

ELSEWHERE = "203.0.113.9"
RING = {"camera_ring_frames": 2, "camera_ring_every_s": 0.05}
KEY = bytes(range(32))


def rows_of(data: Path, device: str) -> dict[str, int]:
    """Returns in how many rows of each table a device is, without those that have none; the journal keeps its own."""
    found: dict[str, int] = {}
    for name in ("darvaz.sqlite3", "history.sqlite3"):
        with closing(sqlite3.connect(data / name)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                rows = connection.execute(f"SELECT * FROM {table}").fetchall()
                found[table] = sum(device in row for row in rows)
    kept = {"journal_index", "tokens", "sequences"}
    return {table: count for table, count in found.items() if count and table not in kept}


async def test_nothing_of_a_forgotten_camera_is_left_after_a_restart() -> None:
    async with RunningApp(**RING) as gateway:
        async with Camera(gateway, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            await camera.send(jpeg(1))
            await viewer.frame()
            await camera.link.send('{"type":"telemetry","values":{"t":21.5,"mode":"day"}}')
            await gateway.ask("PATCH", "/api/devices/yard", json={"label": "Yard"})
            Identities(gateway.parts.tables, 0).of("yard")
            Identities(gateway.parts.tables, 0).keep_key("yard", KEY)
            link = (await gateway.post("/api/devices/yard/view-links")).json()["snapshot"]
            assert (await gateway.ask("DELETE", "/api/devices/yard")).status_code == 204

        await gateway.restart()
        left = rows_of(gateway.data, "yard"), [path.name for path in (gateway.data / "frames").rglob("*")]
        async with Camera(gateway, obeys=False):
            [device] = (await gateway.get("/api/devices")).json()["devices"]
            listed = (await gateway.get("/api/devices/yard/frames")).json()["frames"]
            values = (await gateway.get("/api/devices/yard/telemetry")).json()["values"]
            shown = await gateway.ask("GET", link, ELSEWHERE)

    assert left == ({}, [])
    assert (device["id"], device["label"], listed, values, shown.status_code) == ("yard", None, [], {}, 401)


async def test_frames_that_cannot_be_deleted_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path, device: str) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("darvaz.gateway.api.devices.delete_frames", refuse)
    async with RunningApp() as gateway, Camera(gateway):
        answer = await gateway.ask("DELETE", "/api/devices/yard")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
