"""Server-sent events: their content, resuming, limits, and their end when a token is revoked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from darvaz.gateway.missed_events import ROWS_MAX
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.event_stream import EventStream, open_stream

pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def stream_of(gateway: RunningApp, query: str = "", **headers: str) -> AsyncIterator[EventStream]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with gateway.client(headers=named) as client, open_stream(client, query) as stream:
        yield stream


# What happens


async def test_a_client_sees_a_board_connect_report_and_disconnect(gateway: RunningApp) -> None:
    async with stream_of(gateway) as stream:
        async with board_at(gateway, "seen", kind="esp32cam") as board:
            came = await stream.next("presence", device="seen")
            await board.send("telemetry", values={"temperature": 20.5}, uptime_ms=5)
            await board.send("log", message="سلام", level="warning")
            await board.send("ack", message="free")
            await board.link.send(b"\xff\xd8picture\xff\xd9")
            events = [await stream.next("telemetry", "log", "ack", "frames", device="seen") for _ in range(4)]
        gone = await stream.next("presence", device="seen")

    assert (came["online"], gone["online"], came["kind"]) == (True, False, "esp32cam")
    assert [event["event"] for event in events] == ["telemetry", "log", "ack", "frames"]
    assert events[0]["values"] == {"temperature": 20.5} and events[0]["uptime_ms"] == 5
    assert (events[1]["message"], events[1]["level"]) == ("سلام", "warning")
    assert (events[3]["frames"], events[3]["bytes"]) == (1, 11)
    assert abs(events[0]["time"] - time.time()) < 60


async def test_a_label_and_a_forgotten_device_are_events(gateway: RunningApp) -> None:
    async with board_at(gateway, "passing"):
        pass
    async with stream_of(gateway, "?device=passing") as stream:
        await gateway.ask("PATCH", "/api/devices/passing", json={"label": "Shed"})
        labelled = await stream.next("presence")
        await gateway.ask("DELETE", "/api/devices/passing")
        forgotten = await stream.next("forgotten")

    assert labelled["label"] == "Shed"
    assert forgotten["device"] == "passing"


async def test_a_client_may_ask_for_fewer_events(gateway: RunningApp) -> None:
    async with stream_of(gateway, "?types=log&device=wanted") as stream:
        async with board_at(gateway, "wanted") as wanted, board_at(gateway, "other") as other:
            await other.send("log", message="other", level="info")
            await wanted.send("telemetry", values={})
            await wanted.send("log", message="wanted", level="info")

            assert (await stream.read())["message"] == "wanted"


async def test_hostile_text_stays_in_its_event(gateway: RunningApp) -> None:
    text = 'x\n\nevent: forged\ndata: {}\n\n\r\u2028"</script>'
    async with stream_of(gateway, "?types=log") as stream:
        async with board_at(gateway, "<b>hostile</b>".replace("/", "∕")) as board:
            await board.send("log", message=text, level="info")

            event = await stream.read()

    assert (event["event"], event["message"], event["device"]) == ("log", text, "<b>hostile<∕b>")


# Resuming


async def test_a_client_that_reconnects_soon_misses_nothing_and_gets_nothing_twice(gateway: RunningApp) -> None:
    async with board_at(gateway, "resumed") as board:
        async with stream_of(gateway, "?types=log&device=resumed") as stream:
            await board.send("log", message="1", level="info")
            await stream.next("log")
        for number in range(2, 50):
            await board.send("log", message=str(number), level="info")
        await board.send("ping")
        await board.receive("pong")
        async with stream_of(gateway, "?types=log&device=resumed", Last_Event_ID=stream.last_id or "") as stream:
            missed = [(await stream.next("log"))["message"] for _ in range(48)]
            await board.send("log", message="live", level="info")
            live = (await stream.next("log", "gap"))["message"]

    assert missed == [str(number) for number in range(2, 50)]
    assert live == "live"


async def test_a_client_that_missed_a_restart_gets_the_events_of_the_journal() -> None:
    async with RunningApp() as gateway:
        async with stream_of(gateway, "?types=log,presence") as stream:
            async with board_at(gateway, "restarted") as board:
                await board.send("log", message="before", level="info")
                await stream.next("log")
        await asyncio.sleep(0.3)
        async with board_at(gateway, "restarted") as board:
            await board.send("log", message="missed", level="info")
        await gateway.restart()

        async with stream_of(gateway, f"?types=log,presence&last_event_id={stream.last_id}") as back:
            # What was said within the last moment before it went away may come again.
            missed = await back.next("log")
            missed = await back.next("log") if missed["message"] == "before" else missed
            present = await back.next("presence")
            async with board_at(gateway, "restarted") as board:
                await board.send("log", message="after", level="info")
                after = await back.next("log")

    assert (missed["message"], after["message"]) == ("missed", "after")
    assert (present["id"], present["online"]) == ("restarted", False)


async def test_too_many_missed_events_are_a_gap() -> None:
    async with RunningApp(messages_per_s_max=1_000_000) as gateway:
        async with board_at(gateway, "long") as board:
            for number in range(ROWS_MAX + 1):
                await board.send("log", message=str(number), level="info")
        assert len(await gateway.journal(type="log")) == ROWS_MAX + 1

        async with stream_of(gateway, "?types=log", Last_Event_ID="0") as stream:
            gap = await stream.next("gap", "log")
            first = await stream.next("log")

    assert (gap["event"], gap["lost"]) == ("gap", None)
    assert first["message"] == "1", "the newest are sent"


@pytest.mark.parametrize("last", ["junk", "-1", "9" * 30, "١٢"])
async def test_an_invalid_last_event_id_is_ignored(gateway: RunningApp, last: str) -> None:
    raw = [(b"Last-Event-ID", last.encode())]
    async with gateway.client() as client:
        async with client.stream("GET", "/api/events", headers=raw) as response:
            assert response.status_code == 200


# Limits


async def test_a_disconnected_client_is_not_counted(gateway: RunningApp) -> None:
    async with stream_of(gateway):
        assert (await _health(gateway))["event_clients"] >= 1

    assert (await _health(gateway))["event_clients"] == 0


async def _health(gateway: RunningApp) -> dict[str, Any]:
    return dict((await gateway.get("/api/health")).json())


async def test_another_sites_page_cannot_hold_streams_open(gateway: RunningApp) -> None:
    cross_site = {"Sec-Fetch-Site": "cross-site", "Accept-Language": "en"}
    response = await gateway.get("/api/events", headers=cross_site)

    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("query", ["types=everything", "types=", "device=a%20b", "types=log,,log", "more=1"])
async def test_an_invalid_events_query_is_refused(gateway: RunningApp, query: str) -> None:
    response = await gateway.get(f"/api/events?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid")


# The end


async def test_revoking_a_token_ends_its_event_stream() -> None:
    async with RunningApp(localhost_without_token=False) as gateway:
        token = (await gateway.run_cli("token", "issue", "viewer")).stdout.strip()
        async with stream_of(gateway, Authorization=f"Bearer {token}") as stream:
            await gateway.run_cli("token", "revoke", token.split("_")[1])

            with pytest.raises(EOFError):
                await stream.next("never")
