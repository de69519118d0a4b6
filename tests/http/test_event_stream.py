"""Server-sent events over a real connection: what happens, resumed, bounded, and ended when it must."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from darvaz.gateway.api.events import REPLAY_ROWS_MAX
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line

_DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


class Stream:
    """One open stream of events, read as a browser reads it."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id: str | None = None

    async def next(self, *types: str, device: str | None = None) -> dict[str, Any]:
        """Waits for the next event of some types, and of a device if one is named; others are passed over."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                event = await self._read()
                if event["event"] in types and device in (None, event.get("device"), event.get("id")):
                    return event

    async def _read(self) -> dict[str, Any]:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "data" in fields:
                self.last_id = fields.get("id", self.last_id)
                return {**json.loads(fields["data"]), "event": fields["event"]}
            name, colon, value = line.partition(": ")
            if colon and name:
                fields[name] = value
        raise EOFError("the stream ended")


@contextlib.asynccontextmanager
async def stream_of(gateway: GatewayProcess, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(10, read=30)) as client:
        async with client.stream("GET", f"{gateway.url}/api/events{query}", headers=named) as response:
            assert response.status_code == 200, await response.aread()
            stream = Stream(response.aiter_lines())
            await stream.next("hello")
            yield stream


# What happens


async def test_a_watcher_sees_a_board_come_speak_and_go(gateway: GatewayProcess) -> None:
    async with stream_of(gateway) as stream:
        async with board_at(gateway.ws_url, "seen", kind="esp32cam") as board:
            came = await stream.next("presence", device="seen")
            await board.say("telemetry", values={"temperature": 20.5}, uptime_ms=5)
            await board.say("log", message="سلام", level="warning")
            await board.say("ack", message="free")
            await board.link.send(b"\xff\xd8picture\xff\xd9")
            told = [await stream.next("telemetry", "log", "ack", "frames", device="seen") for _ in range(4)]
        gone = await stream.next("presence", device="seen")

    assert (came["online"], gone["online"], came["kind"]) == (True, False, "esp32cam")
    assert [event["event"] for event in told] == ["telemetry", "log", "ack", "frames"]
    assert told[0]["values"] == {"temperature": 20.5} and told[0]["uptime_ms"] == 5
    assert (told[1]["message"], told[1]["level"]) == ("سلام", "warning")
    assert (told[3]["frames"], told[3]["bytes"]) == (1, 11)
    assert abs(told[0]["time"] - time.time()) < 60


async def test_a_label_and_being_forgotten_are_told(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "passing"):
        pass
    async with stream_of(gateway, "?device=passing") as stream, httpx.AsyncClient(trust_env=False) as client:
        await client.patch(f"{gateway.url}/api/devices/passing", json={"label": "Shed"})
        labelled = await stream.next("presence")
        await client.delete(f"{gateway.url}/api/devices/passing")
        forgotten = await stream.next("forgotten")

    assert labelled["label"] == "Shed"
    assert forgotten["device"] == "passing"


async def test_a_watcher_may_ask_for_less(gateway: GatewayProcess) -> None:
    async with stream_of(gateway, "?types=log&device=wanted") as stream:
        async with board_at(gateway.ws_url, "wanted") as wanted, board_at(gateway.ws_url, "other") as other:
            await other.say("log", message="other", level="info")
            await wanted.say("telemetry", values={})
            await wanted.say("log", message="wanted", level="info")

            assert (await stream._read())["message"] == "wanted"


async def test_hostile_text_stays_in_its_event(gateway: GatewayProcess) -> None:
    text = 'x\n\nevent: forged\ndata: {}\n\n\r\u2028"</script>'
    async with stream_of(gateway, "?types=log") as stream:
        async with board_at(gateway.ws_url, "<b>hostile</b>".replace("/", "∕")) as board:
            await board.say("log", message=text, level="info")

            event = await stream._read()

    assert (event["event"], event["message"], event["device"]) == ("log", text, "<b>hostile<∕b>")


# Resuming


async def test_whoever_comes_back_soon_misses_nothing_and_gets_nothing_twice(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "resumed") as board:
        async with stream_of(gateway, "?types=log&device=resumed") as stream:
            await board.say("log", message="1", level="info")
            await stream.next("log")
        for number in range(2, 50):
            await board.say("log", message=str(number), level="info")
        await board.say("ping")
        await board.hear("pong")
        async with stream_of(gateway, "?types=log&device=resumed", Last_Event_ID=stream.last_id or "") as stream:
            missed = [(await stream.next("log"))["message"] for _ in range(48)]
            await board.say("log", message="live", level="info")
            live = (await stream.next("log", "gap"))["message"]

    assert missed == [str(number) for number in range(2, 50)]
    assert live == "live"


async def test_whoever_was_away_during_a_restart_gets_what_the_journal_has() -> None:
    with GatewayProcess() as gateway:
        async with stream_of(gateway, "?types=log,presence") as stream:
            async with board_at(gateway.ws_url, "restarted") as board:
                await board.say("log", message="before", level="info")
                await stream.next("log")
        await asyncio.sleep(0.3)
        async with board_at(gateway.ws_url, "restarted") as board:
            await board.say("log", message="missed", level="info")
        wait_for_line(gateway.data, type="log", count=2)
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)

        async with stream_of(gateway, f"?types=log,presence&last_event_id={stream.last_id}") as back:
            # What was said within the last moment before it went away may come again.
            missed = await back.next("log")
            missed = await back.next("log") if missed["message"] == "before" else missed
            present = await back.next("presence")
            async with board_at(gateway.ws_url, "restarted") as board:
                await board.say("log", message="after", level="info")
                after = await back.next("log")

    assert (missed["message"], after["message"]) == ("missed", "after")
    assert (present["id"], present["online"]) == ("restarted", False)


async def test_a_stretch_too_long_to_be_told_is_told_as_a_gap() -> None:
    with GatewayProcess() as gateway:
        async with board_at(gateway.ws_url, "long") as board:
            for number in range(REPLAY_ROWS_MAX + 1):
                await board.say("log", message=str(number), level="info")
                if number % 500 == 0:
                    await asyncio.sleep(1)
        wait_for_line(gateway.data, type="log", count=REPLAY_ROWS_MAX + 1)

        async with stream_of(gateway, "?types=log", Last_Event_ID="0") as stream:
            gap = await stream.next("gap", "log")
            first = await stream.next("log")

    assert (gap["event"], gap["lost"]) == ("gap", None)
    assert first["message"] == "1", "the newest are told"


@pytest.mark.parametrize("last", ["junk", "-1", "9" * 30, "١٢"])
async def test_an_id_that_is_none_of_ours_is_no_reason_to_fail(gateway: GatewayProcess, last: str) -> None:
    raw = [(b"Last-Event-ID", last.encode())]
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        async with client.stream("GET", f"{gateway.url}/api/events", headers=raw) as response:
            assert response.status_code == 200


# Limits


async def test_a_client_that_does_not_read_is_told_of_the_gap_and_delays_nobody() -> None:
    with GatewayProcess(env={"DARVAZ_MESSAGES_PER_S_MAX": "1000000"}) as gateway:
        reader, writer = await _slow_client(gateway)
        async with stream_of(gateway, "?types=log") as quick, board_at(gateway.ws_url, "loud") as board:
            total = 3_000
            for number in range(total):
                await board.say("log", message=f"{number} " + "x" * 8_000, level="info")
                if number % 100 == 99:
                    async with asyncio.timeout(_DEADLINE_S):
                        while not (await quick.next("log", "gap")).get("message", "").startswith(f"{number} "):
                            pass
            received = await _read_all_so_far(reader)
        writer.close()

    assert b"event: gap" in received
    assert received.rindex(b"event: gap") < received.rindex(f"{total - 1} x".encode()), "the newest are still there"
    # What the kernel holds, one queue and what was under way: the rest of the 24 MB was nowhere.
    assert len(received) < 12_000_000


async def _slow_client(gateway: GatewayProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a stream whose client has a small buffer and reads nothing."""
    link = socket.socket()
    # Before connecting, so that the window is never larger; less than this is read at a crawl.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    link.connect(("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=65_536)
    writer.write(b"GET /api/events?types=log HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"event: hello")
    return reader, writer


async def _read_all_so_far(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    with contextlib.suppress(TimeoutError):
        while True:
            received += await asyncio.wait_for(reader.read(65_536), 2)
    return bytes(received)


async def test_a_client_that_left_is_forgotten(gateway: GatewayProcess) -> None:
    async with stream_of(gateway):
        assert (await _health(gateway))["event_clients"] >= 1

    deadline_s = time.monotonic() + _DEADLINE_S
    while (await _health(gateway))["event_clients"]:
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.05)


async def _health(gateway: GatewayProcess) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        return dict((await client.get(f"{gateway.url}/api/health")).json())


async def test_another_sites_page_cannot_hold_streams_open(gateway: GatewayProcess) -> None:
    cross_site = {"Sec-Fetch-Site": "cross-site", "Accept-Language": "en"}
    response = await asyncio.to_thread(gateway.get, "/api/events", headers=cross_site)

    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("query", ["types=everything", "types=", "device=a%20b", "types=log,,log", "more=1"])
async def test_a_faulty_wish_is_refused(gateway: GatewayProcess, query: str) -> None:
    response = await asyncio.to_thread(gateway.get, f"/api/events?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid")


# The end


async def test_revoking_ends_what_is_being_watched() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        command = [sys.executable, "-m", "darvaz", "token"]
        data = ["--data", str(gateway.data)]
        issue = [*command, "issue", "viewer", *data]
        ran = await asyncio.to_thread(subprocess.run, issue, capture_output=True, text=True, timeout=60, check=True)
        token = ran.stdout.strip()
        async with stream_of(gateway, Authorization=f"Bearer {token}") as stream:
            revoke = [*command, "revoke", token.split("_")[1], *data]
            await asyncio.to_thread(subprocess.run, revoke, capture_output=True, timeout=60, check=True)

            with pytest.raises(EOFError):
                await stream.next("never")


async def test_stopping_the_gateway_ends_streams_at_once() -> None:
    with GatewayProcess() as gateway:
        async with stream_of(gateway) as stream:
            stopping = asyncio.create_task(asyncio.to_thread(gateway.stop))

            with pytest.raises(EOFError):
                await stream.next("never")
            assert await stopping == 0
        assert "Cancel" not in gateway.log_text() and "Traceback" not in gateway.log_text()
