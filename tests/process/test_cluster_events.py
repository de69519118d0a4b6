"""The event stream of a cluster: a client that comes back to another gateway gets each event once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.event_stream import open_stream
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]


class Counter:
    """Boards that log numbered lines, and a client that goes from gateway to gateway."""

    def __init__(self, *boards: Board) -> None:
        self._boards = boards
        self.logged = 0
        """How many lines each board has logged."""
        self.seen: list[tuple[str, str]] = []
        """Device and text of each line that the client was told, in order."""
        self._last_id = ""

    async def log(self, lines: int) -> None:
        """Has each board log some lines."""
        for number in range(self.logged, self.logged + lines):
            for board in self._boards:
                await board.send("log", message=str(number), level="info")
        self.logged += lines

    async def follow(self, gateway: RunningApp, lines: int, rest: int = 0) -> None:
        """Has the client come to a gateway, and leave when it has all but the last lines, some logged meanwhile."""
        query = "?types=log" + (f"&last_event_id={self._last_id}" if self._last_id else "")
        async with gateway.client() as client, open_stream(client, query) as stream:
            await self.log(lines)
            while len(self.seen) < self.logged * len(self._boards) - rest:
                event = await stream.next("log", "gap")
                self.seen.append((event["device"], event["message"]))
                self._last_id = stream.last_id or ""

    def lines_of(self, device: str) -> list[str]:
        return [text for name, text in self.seen if name == device]


async def test_a_client_that_goes_from_gateway_to_gateway_gets_each_event_once(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as one, RunningApp(cluster=server.url) as two:
            await settled(lambda: joined(one, two))
            async with board_at(one, "east") as east, board_at(two, "west") as west:
                await settled(lambda: two.parts.hub.is_online("east") and one.parts.hub.is_online("west"))
                counter = Counter(east, west)
                for turn in range(6):
                    # It leaves in the middle of what is sent to it, and lines are logged while it is nowhere.
                    await counter.follow((one, two)[turn % 2], lines=7, rest=turn % 3)
                    await counter.log(3)
                await counter.follow(two, lines=1)
            # All of it is in the stream by now, and nothing is ahead of it.
            await counter.follow(one, lines=0)

    lines = [str(number) for number in range(counter.logged)]
    assert counter.lines_of("east") == counter.lines_of("west") == lines


async def test_an_id_that_no_gateway_of_the_cluster_gave_is_a_gap_and_the_list_of_devices(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one:
        await settled(lambda: joined(one))
        async with board_at(one, "listed"):
            pass
        for last_id in ("5", "00000000.7.abc.9"):
            async with one.client() as client, open_stream(client, f"?last_event_id={last_id}") as stream:
                first, second = await stream.next("gap", "presence"), await stream.next("presence", device="listed")

            assert (first["event"], first["lost"], second["online"]) == ("gap", None, False)
