"""A gateway stops while its disk is slow, refuses or hangs: everything is written, or it is said what is missing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from darvaz.gateway import last_writes
from darvaz.gateway.storage import record_log
from tests.support.app import RunningApp
from tests.support.board import board_at

LINES = 30
DEADLINE_S = 30.0


async def say(gateway: RunningApp, count: int = LINES) -> None:
    async with board_at(gateway, "pico") as board:
        for number in range(count):
            await board.send("log", message=f"line {number}")
            await board.send("telemetry", values={"n": number})
        await board.send("ping")
        await board.receive("pong")


async def introduce(gateway: RunningApp) -> None:
    """Makes the device known on disk, so that its history can be asked for whatever the disk does later."""
    async with board_at(gateway, "pico"):
        pass
    assert await gateway.parts.devices.wait_until_stored(DEADLINE_S)


@contextmanager
def held(gateway: RunningApp) -> Iterator[None]:
    """Holds the databases for as long as the block runs, as a disk that does not return from a write."""
    release = threading.Event()
    is_held = threading.Event()

    def hold() -> None:
        with gateway.parts.database.lock:
            is_held.set()
            release.wait(30)

    threading.Thread(target=hold, daemon=True).start()
    is_held.wait(10)
    try:
        yield
    finally:
        release.set()


def refuse(descriptor: int) -> None:
    raise OSError(5, "Input/output error")


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_writes, "RETRY_S", 0.3)
    monkeypatch.setattr(last_writes.close_writers, "__defaults__", (4.0,))


async def test_what_the_record_log_has_is_not_missing_and_is_finished_at_the_next_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with RunningApp() as gateway:
        await introduce(gateway)
        await say(gateway)
        with held(gateway):
            await gateway.stop()

            assert [entry for entry in gateway.parts.unwritten if "journal" in entry or "history" in entry] == []
            assert "entries of the journal are in the record log" in caplog.text
        await gateway.start()

        assert len(await gateway.journal(type="log")) == LINES
        points = (await gateway.get("/api/devices/pico/telemetry/n", params={"from": -60, "to": 0})).json()["points"]
        assert len(points) == LINES


async def test_a_disk_that_takes_nothing_is_told_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RunningApp() as gateway:
        await introduce(gateway)
        with held(gateway), monkeypatch.context() as patched:
            patched.setattr(record_log, "_sync_data", refuse)
            await say(gateway)
            await gateway.stop()

            [journal] = [entry for entry in gateway.parts.unwritten if "journal" in entry]
            assert int(journal.removesuffix(" entries of the journal")) >= LINES
            assert not any("history" in entry for entry in gateway.parts.unwritten)
        await gateway.start()

        points = (await gateway.get("/api/devices/pico/telemetry/n", params={"from": -60, "to": 0})).json()["points"]
        assert len(points) == LINES


async def test_a_disk_that_refuses_for_a_moment_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter([refuse, refuse])
    async with RunningApp() as gateway:
        monkeypatch.setattr(record_log, "_sync_data", lambda descriptor: next(refusals, os.fdatasync)(descriptor))
        await say(gateway)
        await gateway.stop()

        assert gateway.parts.unwritten == []
        assert next(refusals, None) is None
        await gateway.start()
        assert len(await gateway.journal(type="log")) == LINES
