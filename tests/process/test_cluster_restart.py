"""Gateways of a cluster that are stopped one after the other while people send commands: none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
from collections import Counter
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

COMMANDS: dict[str, Any] = {"count": {"n": {"type": "integer"}}}
_DEADLINE_S = 60.0


class Fleet:
    """Three gateways, boards that go to any that takes them, and people who send commands to any of them."""

    def __init__(self, gateways: list[RunningApp], boards: list[str]) -> None:
        self._open = list(gateways)
        self._names = boards
        self.carried_out: Counter[int] = Counter()
        """The commands that boards carried out, by their numbers."""
        self.refused: list[str] = []
        """Answers to commands other than of their result."""
        self.confirmed: set[str] = set()
        """The lines of logs, numbers of commands, that were behind an acknowledgement which somebody got."""
        self._numbers = itertools.count()
        self.is_over = False

    async def restart(self, gateway: RunningApp) -> None:
        """Stops a gateway as a signal does, with the proxy in front knowing at once, and starts it again."""
        self._open.remove(gateway)
        await gateway.parts.cluster.hand_over()
        await gateway.restart()
        await settled(lambda: joined(gateway))
        self._open.append(gateway)

    async def send(self) -> None:
        """Sends commands, one after the other, until it is over."""
        while not self.is_over:
            number = next(self._numbers)
            gateway, device = self._open[number % len(self._open)], self._names[number % len(self._names)]
            answer = await gateway.post(f"/api/devices/{device}/commands/count", json={"n": number})
            if answer.status_code == 200:
                self.confirmed.add(str(number))
            else:
                self.refused.append(f"{number}: {answer.text}")

    async def run_board(self, name: str) -> None:
        """Answers commands and logs a line behind each, at one gateway after the other, until it is over."""
        for turn in itertools.count():
            if self.is_over:
                return
            with contextlib.suppress(ConnectionClosed, InvalidStatus):
                async with board_at(self._open[turn % len(self._open)], name, commands=COMMANDS) as board:
                    while not self.is_over:
                        command = await board.receive("command")
                        number = command["args"]["n"]
                        self.carried_out[number] += 1
                        await board.send("log", level="info", message=str(number))
                        await board.send("ack", id=command["id"], command="count", status="ok")


async def lines_at(gateway: RunningApp, boards: list[str]) -> Counter[str]:
    """Returns how often a gateway has each line of some boards."""
    found: Counter[str] = Counter()
    for device in boards:
        query: dict[str, Any] = {"device": device, "type": "log", "limit": 1000}
        while True:
            page = (await gateway.get("/api/journal", params=query)).json()
            found.update(json.loads(row["payload"])["message"] for row in page["rows"])
            if page["older"] is None:
                break
            query["before"] = page["older"]
    return found


async def until_there(gateway: RunningApp, boards: list[str], lines: set[str]) -> Counter[str]:
    """Waits until a gateway has some lines, and returns how often it has each; after a minute as it is then."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DEADLINE_S):
            # Nobody tells.
            while not lines <= (await lines_at(gateway, boards)).keys():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    return await lines_at(gateway, boards)


async def test_no_command_and_no_line_is_lost_while_each_gateway_restarts_in_turn(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no proxy that would need time.
    monkeypatch.setattr("darvaz.gateway.cluster.handing_over.PROXY_S", 0.0)
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        async with RunningApp(cluster=nats.url) as three:
            gateways = [one, two, three]
            await settled(lambda: joined(*gateways))
            boards = [f"roamer-{number}" for number in range(4)]
            fleet = Fleet(gateways, boards)
            running = [asyncio.create_task(fleet.run_board(name)) for name in boards]
            await settled(lambda: all(each.parts.hub.is_online(name) for each in gateways for name in boards))
            sending = [asyncio.create_task(fleet.send()) for _ in range(4)]
            for gateway in gateways:
                await fleet.restart(gateway)
                wanted = len(fleet.carried_out) + 20
                await settled(lambda: len(fleet.carried_out) > wanted)  # noqa: B023
            fleet.is_over = True
            await asyncio.gather(*sending)
            for task in running:
                task.cancel()
            found = [await until_there(gateway, boards, fleet.confirmed) for gateway in gateways]

    assert fleet.refused == []
    assert set(fleet.carried_out.values()) == {1}
    for lines in found:
        assert fleet.confirmed - lines.keys() == set()
        assert set(lines.values()) == {1}


async def test_a_gateway_that_is_told_to_stop_answers_first_and_commands_wait_for_the_board(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one:
        with GatewayProcess("--cluster", nats.url, "--cluster-node", "leaving") as two:
            await settled(lambda: joined(one) and len(one.parts.cluster.state().nodes) >= 2)
            path = "/api/devices/mover-2/commands/count"
            async with board_at(two.ws_url, "mover-2", commands=COMMANDS) as board:
                await settled(lambda: one.parts.hub.is_online("mover-2"))
                here = asyncio.create_task(one.post(path, json={"n": 1}))
                there = asyncio.create_task(asyncio.to_thread(two.post, path, json={"n": 2}))
                sent = [await board.receive("command"), await board.receive("command")]
                stopping = asyncio.create_task(asyncio.to_thread(two.end, signal.SIGTERM))
                await settled(lambda: two.get("/health").status_code == 503)
                with pytest.raises(InvalidStatus):
                    async with board_at(two.ws_url, "too-late"):
                        pass
                held = asyncio.create_task(one.post(path, json={"n": 3}))
                for command in sent:
                    await board.send("ack", id=command["id"], command="count", status="ok")
                answers = [await here, await there]
                with pytest.raises(ConnectionClosed) as closed:
                    await board.receive("command")
            async with board_at(one, "mover-2", commands=COMMANDS) as board:
                command = await board.receive("command")
                await board.send("ack", id=command["id"], command="count", status="ok")
                answers.append(await held)
            await stopping

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [command["args"]["n"] for command in (*sorted(sent, key=lambda each: each["args"]["n"]), command)] == [
        1,
        2,
        3,
    ]
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
