"""What a client missed is told when it comes back: the event itself, or a gap."""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.journal.sqlite_store import SqliteJournalStore
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.journal.starts import CUT_OFF_IDS
from darvaz.gateway.missed_events import read_missed
from darvaz.gateway.storage.database import open_database
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.event_stream import open_stream

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY_S = 86_400.0


async def last_id_of(gateway: RunningApp, board: Board, query: str = "?types=log") -> str:
    """Returns the id of an event, of a client that goes away after it."""
    async with gateway.client() as client, open_stream(client, query) as stream:
        await board.send("log", message="seen", level="info")
        await stream.next("log")
    return stream.last_id or ""


async def missed_since(gateway: RunningApp, last_id: str, query: str = "types=log,forgotten,presence") -> list[Any]:
    """Returns what a client gets that comes back, up to the present."""
    async with gateway.client() as client, open_stream(client, f"?{query}&last_event_id={last_id}") as stream:
        async with board_at(gateway, "the-present") as board:
            await board.send("log", message="now", level="info")
            found: list[Any] = []
            while not found or found[-1].get("message") != "now":
                found.append(await stream.next("log", "forgotten", "gap", "presence"))
    return found


def texts_of(events: list[Any]) -> list[str]:
    """Returns the events without those that may come twice, and without what is present."""
    texts = [event.get("message", event["event"]) for event in events]
    return [text for text in texts if text not in ("seen", "presence", "now")]


async def kill(gateway: RunningApp, kept: Path) -> None:
    """Ends a gateway as `kill -9` does: what is on the disk now is what the next one finds."""
    shutil.copytree(gateway.data, kept, ignore=shutil.ignore_patterns("*.sock"))
    await gateway.stop()
    shutil.rmtree(gateway.data)
    shutil.move(kept, gateway.data)


async def test_a_device_that_was_forgotten_is_told_after_a_restart() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "old"), board_at(gateway, "stays") as board:
            last_id = await last_id_of(gateway, board)
        await gateway.ask("DELETE", "/api/devices/old")
        await gateway.restart()

        found = await missed_since(gateway, last_id)

    assert texts_of(found) == ["forgotten"]
    assert [event["device"] for event in found if event["event"] == "forgotten"] == ["old"]


async def test_a_device_that_is_forgotten_for_a_newer_one_is_told_live_and_later() -> None:
    async with RunningApp() as gateway, gateway.client() as client:
        gateway.parts.devices._devices_max = 2
        async with board_at(gateway, "oldest"):
            pass
        async with board_at(gateway, "stays") as board, open_stream(client, "?types=forgotten") as stream:
            last_id = await last_id_of(gateway, board)
            async with board_at(gateway, "newest"):
                live = await stream.next("forgotten")
        gateway.parts.devices._devices_max = 9
        gateway.parts.events._stop()
        await gateway.restart()

        [later] = [event for event in await missed_since(gateway, last_id) if event["event"] == "forgotten"]

    assert live["device"] == later["device"] == "oldest"


async def test_a_device_that_was_forgotten_is_told_where_nothing_was_kept_in_memory() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "old"), board_at(gateway, "stays") as board:
            last_id = await last_id_of(gateway, board)
        gateway.parts.events._stop()
        await gateway.ask("DELETE", "/api/devices/old")

        assert texts_of(await missed_since(gateway, last_id)) == ["forgotten"]


async def test_entries_that_retention_has_deleted_are_a_gap() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico") as board:
            last_id = await last_id_of(gateway, board)
            await gateway.journal()
            await board.send("log", message="pushed out", level="info")
            await gateway.journal()
            await board.send("log", message="kept", level="info")
        await gateway.journal()
        gateway.parts.events._stop()
        gateway.parts.journal.retention.bytes_max = 1
        gateway.parts.journal.writer._try_to_tidy()
        assert "pushed out" not in [line.payload for line in await gateway.journal()]

        assert texts_of(await missed_since(gateway, last_id))[0] == "gap"


async def test_entries_that_wait_for_a_disk_that_is_full_are_a_gap() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico") as board:
            last_id = await last_id_of(gateway, board)
            await gateway.journal()
            store = gateway.parts.journal._store
            assert isinstance(store, SqliteJournalStore)
            # It may not grow any more.
            store._connection.execute("PRAGMA max_page_count = 1")
            for _ in range(20):
                await board.send("log", message=secrets.token_hex(1000), level="info")
            gateway.parts.events._stop()

            found = await missed_since(gateway, last_id)
            store._connection.execute("PRAGMA max_page_count = 4294967294")

    assert "gap" in texts_of(found)


@pytest.mark.parametrize(("newest_id", "is_complete"), [(5, True), (6, False)])
async def test_entries_of_a_journal_that_was_replaced_by_an_empty_one_are_missing(
    tmp_path: Path, newest_id: int, is_complete: bool
) -> None:
    with closing(open_database(tmp_path)) as connection:
        wanted = JournalFilter(after_id=5, before_id=newest_id + 1)

        assert read_missed(SqliteJournal(connection), wanted, lambda _: True).is_complete == is_complete


async def test_a_clock_that_was_set_back_before_a_restart_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = time.time
    async with RunningApp() as gateway:
        with monkeypatch.context() as ahead:
            ahead.setattr(time, "time", lambda: now_s() + 2 * DAY_S)
            async with board_at(gateway, "pico") as board:
                last_id = await last_id_of(gateway, board)
                await board.send("log", message="missed", level="info")
            await gateway.stop()
        await gateway.start()
        async with board_at(gateway, "pico") as board:
            await board.send("log", message="missed too", level="info")

        assert texts_of(await missed_since(gateway, last_id)) == ["missed", "missed too"]


async def test_an_id_of_the_future_is_a_gap_and_the_list_of_devices() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico"):
            pass
        # As earlier versions numbered: microseconds since 1970.
        found = await missed_since(gateway, str(int(time.time() * 1_000_000)))

    assert [event["event"] for event in found[:2]] == ["gap", "presence"]
    assert (found[0]["lost"], found[1]["id"]) == (None, "pico")


async def test_after_a_kill_the_last_moments_are_a_gap_and_no_number_is_used_twice(tmp_path: Path) -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico") as board:
            await gateway.journal()
            last_id = await last_id_of(gateway, board)
            newest_id = gateway.parts.journal.newest_id
            await kill(gateway, tmp_path / "kept")
        await gateway.start()
        async with board_at(gateway, "pico") as board:
            await board.send("log", message="after", level="info")

        found = await missed_since(gateway, last_id)
        rows = await gateway.journal(type="gateway started")

    assert texts_of(found) == ["gap", "after"]
    assert "may be missing" in (rows[-1].payload or "")
    assert newest_id < CUT_OFF_IDS <= gateway.parts.journal.newest_id


async def test_what_waited_on_a_board_comes_later_with_the_time_it_happened() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico", uptime_ms=100_000) as board:
            last_id = await last_id_of(gateway, board)
            await board.send("log", message="waited", uptime_ms=40_000)
        await gateway.restart()

        [late] = [event for event in await missed_since(gateway, last_id) if event.get("message") == "waited"]

    assert time.time() - late["time"] == pytest.approx(60, abs=5)


async def test_after_an_end_in_order_nothing_is_a_gap() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico") as board:
            last_id = await last_id_of(gateway, board)
        await gateway.restart()
        await gateway.restart()

        assert texts_of(await missed_since(gateway, last_id)) == []


async def test_what_a_board_lost_is_told_live_and_later_whatever_types_are_wanted() -> None:
    async with RunningApp() as gateway, gateway.client() as client:
        async with board_at(gateway, "pico", boot_id="b1") as board, open_stream(client, "?types=frames") as stream:
            last_id = await last_id_of(gateway, board)
            await board.send("log", message="sixth", seq=5)
            live = await stream.next("gap")
        gateway.parts.events._stop()

        found = await missed_since(gateway, last_id)
        of_another = await missed_since(gateway, last_id, "types=log&device=the-present")

    assert (live["device"], live["lost"]) == ("pico", 5)
    assert texts_of(found) == ["gap", "sixth"]
    assert [event["lost"] for event in found if event["event"] == "gap"] == [5]
    assert texts_of(of_another) == []
