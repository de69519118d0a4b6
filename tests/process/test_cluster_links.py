"""Links at several gateways: one list of devices at each, the newest link wins, a dead gateway's boards are away."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats import connect as connect_to_nats
from websockets.exceptions import ConnectionClosed

from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

COMMANDS: dict[str, Any] = {"led": {"on": {"type": "boolean"}}}


def joined(*gateways: RunningApp) -> bool:
    """Returns whether all of these gateways know each other."""
    known = [gateway.parts.cluster.state().nodes for gateway in gateways]
    own = {node.id for nodes in known for node in nodes if node.is_this}
    # One that was killed before may not be missed yet.
    return len(own) == len(gateways) and all(own <= {node.id for node in nodes} for nodes in known)


def is_online(gateway: RunningApp, device: str) -> bool | None:
    """Returns what a gateway says of a device; None if it does not know it."""
    found = gateway.parts.describer.describe(device)
    return None if found is None else found.online


def last_args_at(gateway: RunningApp, device: str) -> dict[str, Any]:
    known = gateway.parts.devices.get(device)
    return {} if known is None else known.last_args


async def answer_one(board: Board, **ack: Any) -> dict[str, Any]:
    """Answers one command as a board does, and returns it."""
    command = await board.receive("command")
    await board.send("ack", id=command["id"], command=command["name"], **ack)
    return command


async def test_the_list_of_devices_is_the_same_at_every_gateway(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        async with board_at(one, "دما-1", commands=COMMANDS, version="2.5"):
            await settled(lambda: is_online(two, "دما-1") is True)
            here, there = [(await gateway.get("/api/devices/دما-1")).json() for gateway in (one, two)]
            health = (await two.get("/api/health")).json()
        await settled(lambda: is_online(two, "دما-1") is False)
        gone = (await two.get("/api/devices/دما-1")).json()

    for name in ("id", "kind", "version", "commands", "since", "first_seen", "online", "address", "protection"):
        assert there[name] == here[name], name
    assert health["devices_online"] == 1
    assert gone["last_end"] is not None and gone["since"] is None


async def test_a_device_that_moves_has_its_older_link_closed(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        async with board_at(one, "mover", boot_id="b1") as older:
            await settled(lambda: is_online(two, "mover") is True)
            async with board_at(two, "mover", boot_id="b1"):
                with pytest.raises(ConnectionClosed) as closed:
                    await older.receive("nothing")
                await settled(lambda: not one.parts.hub.is_here("mover"))

                assert is_online(one, "mover") is is_online(two, "mover") is True
                assert two.parts.hub.is_here("mover")
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4409
    assert "at the gateway" in closed.value.rcvd.reason


async def test_boards_of_a_killed_gateway_are_away_within_ten_seconds_and_come_back(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one:
        with GatewayProcess("--cluster", nats.url, "--cluster-node", "two") as two:
            await settled(lambda: len(one.parts.cluster.state().nodes) == 2)
            async with board_at(two.ws_url, "orphan"):
                await settled(lambda: is_online(one, "orphan") is True)
                await asyncio.to_thread(two.end, signal.SIGKILL)
            await settled(lambda: is_online(one, "orphan") is False)
        refused = await one.post("/api/devices/orphan/commands/led", json={"on": True})
        async with board_at(one, "orphan"):
            back = is_online(one, "orphan")

    assert (refused.status_code, refused.json()["code"]) == (503, "offline")
    assert back is True


async def test_a_command_reaches_a_board_from_any_gateway(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        async with board_at(one, "چراغ", commands=COMMANDS) as board:
            await settled(lambda: is_online(two, "چراغ") is True)
            asking = asyncio.create_task(two.post("/api/devices/چراغ/commands/led", json={"on": True}))
            command = await answer_one(board, status="ok", result={"on": True})
            done = await asking
            await settled(lambda: last_args_at(two, "چراغ") == last_args_at(one, "چراغ") == {"led": {"on": True}})
            asking = asyncio.create_task(two.post("/api/devices/چراغ/commands/led", json={"on": True}))
            await answer_one(board, status="error", message="the lamp is hot")
            refused = await asking
            unknown = await two.post("/api/devices/چراغ/commands/fly", json={})
        await settled(lambda: is_online(two, "چراغ") is False)
        offline = await two.post("/api/devices/چراغ/commands/led", json={"on": True})

    assert command["args"] == {"on": True}
    assert done.json() == {"status": "ok", "result": {"on": True}}
    assert (refused.status_code, refused.json()["code"]) == (502, "refused_by_board")
    assert refused.json()["detail"] == "the lamp is hot"
    assert (unknown.status_code, offline.status_code) == (422, 503)


async def test_a_board_that_does_not_answer_is_told_at_the_deadline_from_afar(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url, command_deadline_s=0.3) as two:
        await settled(lambda: joined(one, two))
        async with board_at(one, "mute", commands=COMMANDS):
            await settled(lambda: is_online(two, "mute") is True)
            late = await two.post("/api/devices/mute/commands/led", json={"on": True})

    assert (late.status_code, late.json()["code"]) == (504, "timed_out")
    assert "within 0.3 s" in late.json()["detail"]


async def test_a_device_is_forgotten_at_every_gateway(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        async with board_at(one, "unwanted") as board:
            await settled(lambda: is_online(two, "unwanted") is True)
            deleted = await two.ask("DELETE", "/api/devices/unwanted")
            with pytest.raises(ConnectionClosed):
                await board.receive("nothing")
            await settled(lambda: is_online(one, "unwanted") is is_online(two, "unwanted") is None)

    assert deleted.status_code == 204


async def test_presence_at_another_gateway_is_an_event(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        queue = two.parts.events.open_queue(frozenset({"presence"}), None)
        async with board_at(one, "seen"):
            await settled(lambda: is_online(two, "seen") is True)
        await settled(lambda: is_online(two, "seen") is False)
        _, events = queue.take()
        two.parts.events.close_queue(queue)

    data = [json.loads(event.text.partition(b"data: ")[2]) for event in events if event.device == "seen"]
    assert [each["online"] for each in data] == [True, False]


async def test_boards_stay_connected_while_nats_is_away_and_are_known_after_it(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as one, RunningApp(cluster=server.url) as two:
            await settled(lambda: joined(one, two))
            async with board_at(one, "before", commands=COMMANDS) as before:
                await settled(lambda: is_online(two, "before") is True)
                server.kill()
                async with board_at(two, "meanwhile"):
                    asking = asyncio.create_task(one.post("/api/devices/before/commands/led", json={"on": False}))
                    await answer_one(before, status="ok")
                    here = await asking
                    server.start()
                    await settled(lambda: is_online(one, "meanwhile") is is_online(two, "before") is True)

    assert here.status_code == 200


async def test_devices_that_a_gateway_knew_alone_are_known_to_all_once_it_joins(nats: NatsServer) -> None:
    async with RunningApp() as alone:
        async with board_at(alone, "veteran", version="1.1"):
            pass
        await alone.stop()
        alone._settings["cluster"] = nats.url
        async with RunningApp(cluster=nats.url) as other:
            await alone.start()
            await settled(lambda: is_online(other, "veteran") is False)
            known = (await other.get("/api/devices/veteran")).json()

    assert known["version"] == "1.1"


async def test_readings_and_lines_of_the_log_are_seen_at_every_gateway(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        queue = two.parts.events.open_queue(frozenset({"telemetry", "log"}), None)
        async with board_at(one, "gauge", boot_id="b", telemetry={"t": {"unit": "°C"}}) as board:
            await settled(lambda: is_online(two, "gauge") is True)
            await board.send("telemetry", values={"t": 21.5})
            await board.send("log", message="سلام")
            await settled(lambda: len(queue) == 2)
            values = (await two.get("/api/devices/gauge")).json()["values"]
            kept = (await one.get("/api/devices/gauge/telemetry/t")).json()["points"]
        _, events = queue.take()
        two.parts.events.close_queue(queue)

    assert values["t"]["value"] == 21.5
    assert [event.type for event in events] == ["telemetry", "log"] and "سلام".encode() in events[1].text
    assert len(kept) == 1


async def test_entries_of_other_versions_are_used_as_far_as_they_are_understood(nats: NatsServer) -> None:
    newer = {"device": "newer", "kind": "pico", "node": "n", "serial": 1, "is_online": False, "colour": "red"}
    entries = {
        "newer": {**newer, "introduction": {"type": "connect", "device": "newer", "version": "9", "mood": "good"}},
        "broken": {**newer, "device": "broken", "introduction": {"type": "connect", "commands": 7}},
        "submarine": {**newer, "device": "submarine", "kind": "submarine"},
        "other": {**newer, "device": "not-other"},
        "nonsense": [1, 2],
    }
    async with RunningApp(cluster=nats.url) as one:
        await settled(lambda: one.parts.cluster.state().state == "ok")
        client = await connect_to_nats(nats.url)
        for key, value in entries.items():
            await client.jetstream().publish(f"$KV.dv_links.{key}", json.dumps(value).encode())
        await client.close()
        async with board_at(one, "last"):
            await settled(lambda: one.parts.devices.get("broken") is not None)
        known = {device["id"]: device for device in (await one.get("/api/devices")).json()["devices"]}

    assert known["newer"]["version"] == "9"
    assert known["broken"]["commands"] == {}
    assert not {"submarine", "other", "not-other", "nonsense"} & known.keys()


async def test_what_a_gateway_of_another_version_says_is_used_or_refused_in_words(nats: NatsServer) -> None:
    older = {"name": "older", "version": "0.0.1", "started_s": 1.0, "devices_online": 0}
    newer = {**older, "name": "newer", "version": "9.9.9", "mood": "good", "journal": "cafe0000"}
    async with RunningApp(cluster=nats.url) as one:
        await settled(lambda: joined(one))
        own = next(node.id for node in one.parts.cluster.state().nodes if node.is_this)
        client = await connect_to_nats(nats.url)
        for beat in (older, newer):
            await client.jetstream().publish(f"$KV.dv_nodes.{beat['name']}-1", json.dumps(beat).encode())
        await settled(lambda: {"older", "newer"} <= {node.name for node in one.parts.cluster.state().nodes})
        versions = {node.name: node.version for node in one.parts.cluster.state().nodes}
        await client.jetstream().publish(
            "$KV.dv_links.elder",
            json.dumps(
                {
                    "device": "elder",
                    "kind": "pico",
                    "node": "older-1",
                    "serial": 1,
                    "introduction": {"type": "connect", "device": "elder"},
                }
            ).encode(),
        )
        await settled(lambda: is_online(one, "elder") is True)
        queue = one.parts.events.open_queue(frozenset({"log"}), None)
        # Without the place of its entry in a journal, as before there were ids for all gateways.
        line = json.dumps({"type": "log", "level": "info", "message": "as ever"})
        unknown = json.dumps({"type": "hologram"})
        batch = [["elder", 1.0, line], ["elder", 1.0, unknown], ["elder", 1.0, line, None, "", 0, "more"]]
        await client.publish("dv.events.older-1", msgspec.msgpack.encode(batch))
        await settled(lambda: len(queue) == 2)
        one.parts.events.close_queue(queue)
        refused = await client.request(f"dv.cmd.{own}.elder", json.dumps({"verb": "fly"}).encode(), timeout=20)
        await client.close()

    assert (versions["older"], versions["newer"]) == ("0.0.1", "9.9.9")
    answer = json.loads(refused.data)
    assert (
        answer["code"] == "offline" and "does not understand the command: it is of another version" in answer["message"]
    )
