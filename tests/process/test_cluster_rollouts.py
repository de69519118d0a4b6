"""Releases and rollouts of a cluster: known at each gateway, for boards at any of them, also when one of them dies."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from darvaz.gateway.cluster.node import ClusterNode
from darvaz.gateway.cluster.release_files import FILES_BUCKET, PARTS_MAX, ReleaseFiles
from darvaz.gateway.cluster.remote_updates import NOBODY_S
from darvaz.gateway.cluster.shared_rollouts import SharedRollouts
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.releases.asking import AwayError
from darvaz.gateway.releases.manifest import RELEASE_BYTES_MAX, ReleaseFile, dump_manifest
from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.played_updates import MAIN, add_release, deploy, key_of, keyed, until, upload
from tests.support.updates import until as until_at

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]


class Taking:
    """Plays a board that takes updates, over one link after another, and notes what came."""

    def __init__(self, on_part: Callable[[], Awaitable[None]] | None = None, state: str = "good") -> None:
        self.counters: list[int] = []
        """Of each offer."""
        self.commits: list[int] = []
        self._size = 0
        self._data = b""
        self._on_part = on_part
        self._state = state

    async def run(self, board: Board) -> None:
        """Takes whatever comes until the link ends."""
        with contextlib.suppress(ConnectionClosed):
            async for text in board.link:
                message = json.loads(text)
                if message["type"] == "update":
                    await self._take(board, message)

    async def _take(self, board: Board, message: dict[str, Any]) -> None:
        if message["step"] == "offer":
            header = json.loads(message["header"])
            self.counters.append(header["counter"])
            self._size, self._data = header["bytes"], b""
        elif message["step"] == "data":
            if self._on_part is not None:
                await self._on_part()
            self._data += base64.b64decode(message["data"])
        answer: dict[str, Any] = {"state": "receiving", "file": -1, "at": len(self._data)}
        if len(self._data) == self._size:
            # It has the files of the manifest already.
            answer = {"state": "complete"}
        if message["step"] == "commit":
            self.commits.append(self.counters[-1])
            answer = {"state": "trial"}
        await board.send("update_state", id=message["id"], status="ok", **answer)
        if message["step"] == "commit" and self._state == "good":
            await board.send("update_state", status="ok", state="good", counter=self.counters[-1])


@contextlib.asynccontextmanager
async def taking(gateway: RunningApp, device: str, taken: Taking, **program: Any) -> AsyncIterator[Board]:
    """Has a board at a gateway take updates for the block."""
    async with board_at(gateway, device, program=keyed(**program)) as board:
        task = asyncio.create_task(taken.run(board))
        try:
            yield board
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def two_gateways(url: str) -> AsyncIterator[tuple[RunningApp, RunningApp]]:
    """Two gateways that know each other; the first one leads."""
    async with RunningApp(cluster=url, cluster_node="one") as one:
        await settled(lambda: joined(one) and leads(one))
        async with RunningApp(cluster=url, cluster_node="two") as two:
            await settled(lambda: joined(one, two) and len(two.parts.cluster.state().nodes) == 2)
            yield one, two


def leads(gateway: RunningApp) -> bool:
    return (
        isinstance(gateway.parts.updater.coordination, SharedRollouts) and gateway.parts.updater.coordination.is_leading
    )


async def ended(gateway: RunningApp, number: int, **counts: int) -> Any:
    """Returns a rollout once it has these numbers of boards in these states, and does not go on."""
    await until(gateway, number, **counts)
    await settled(lambda: gateway.parts.updater.store.rollouts[number].state != "running")
    return (await gateway.get(f"/api/rollouts/{number}")).json()


async def online_at_both(one: RunningApp, two: RunningApp, *devices: str) -> None:
    await settled(lambda: all(at.parts.hub.is_online(device) for at in (one, two) for device in devices))


async def test_a_rollout_of_any_gateway_reaches_boards_of_each_and_looks_the_same_at_each(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        events: list[Any] = []
        one.parts.bus.subscribe_rollouts(lambda device, change: events.append((device, change["state"])))
        two_events: list[Any] = []
        two.parts.bus.subscribe_rollouts(lambda device, change: two_events.append((device, change["state"])))
        keys = [await key_of(two, "near"), await key_of(one, "near")]
        await key_of(two, "far")
        near, far = Taking(), Taking()
        async with taking(one, "near", near), taking(two, "far", far):
            await online_at_both(one, two, "near", "far")
            number = await deploy(two, "near", "far")
            there, here = await ended(one, number, good=2), await ended(two, number, good=2)
        releases = [(await at.get("/api/releases")).json()["releases"] for at in (one, two)]
        files = two.parts.updater.store.releases[there["release"]].files
        for at in (one, two):
            await settled(lambda at=at: at.parts.updater.store.has_files(files))  # type: ignore[misc]

    assert keys[0] == keys[1]
    assert there == here and there["state"] == "done"
    assert releases[0] == releases[1] and releases[0][0]["number"] == there["release"]
    assert len(near.commits) == len(far.commits) == 1
    for found in (events, two_events):
        assert ("far", "good") in found and ("near", "good") in found and (None, "done") in found


async def test_a_board_that_moves_in_the_middle_gets_the_same_update_at_the_other_gateway(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        await key_of(one, "mover")
        stuck = asyncio.Event()

        async def stay() -> None:
            stuck.set()
            await asyncio.Event().wait()

        taken, again = Taking(stay), Taking()
        async with taking(two, "mover", taken):
            await online_at_both(one, two, "mover")
            number = await deploy(one, "mover")
            await stuck.wait()
            async with taking(one, "mover", again):
                found = await ended(two, number, good=1)

    assert (len(taken.counters), taken.commits) == (1, [])
    assert again.counters == again.commits == taken.counters
    assert found["state"] == "done"


async def test_a_first_board_that_falls_back_stops_the_rollout_at_each_gateway(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        for device in ("canary", "spared"):
            await key_of(one, device)
        canary, spared = Taking(state="trial"), Taking()
        async with taking(one, "spared", spared):
            async with taking(two, "canary", canary):
                await online_at_both(one, two, "canary", "spared")
                number = await deploy(one, "canary", "spared", canary=1)
                await until(two, number, trial=1, waiting=1)
            async with taking(two, "canary", canary, failed=canary.commits[0], reason="it broke"):
                found = [await ended(at, number, fell_back=1, waiting=1) for at in (one, two)]
            assert not spared.counters
            resumed = await two.ask("PATCH", f"/api/rollouts/{number}", json={"state": "running"})
            done = await ended(two, number, fell_back=1, good=1)

    assert [each["state"] for each in found] == ["stopped", "stopped"]
    assert all("it broke" in each["reason"] for each in found)
    assert (resumed.status_code, done["state"]) == (200, "done")


async def test_a_program_is_found_good_though_the_word_of_that_was_lost_between_gateways(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        await key_of(one, "unheard")
        two.parts.cluster._events.close()  # type: ignore[attr-defined]
        async with taking(two, "unheard", Taking()):
            await online_at_both(one, two, "unheard")
            number = await deploy(one, "unheard")
            found = [await ended(at, number, good=1) for at in (one, two)]

    assert [each["state"] for each in found] == ["done", "done"]


async def test_a_rollout_is_paused_and_resumed_from_another_gateway(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        await key_of(one, "patient")
        async with board_at(two, "patient"):
            await online_at_both(one, two, "patient")
        number = await deploy(one, "patient")
        paused = await two.ask("PATCH", f"/api/rollouts/{number}", json={"state": "paused"})
        taken = Taking()
        async with taking(two, "patient", taken):
            await online_at_both(one, two, "patient")
            before = [(await at.get(f"/api/rollouts/{number}")).json() for at in (one, two)]
            await two.ask("PATCH", f"/api/rollouts/{number}", json={"state": "running"})
            await until(one, number, good=1)

    assert paused.json()["state"] == "paused"
    assert before[0] == before[1] and before[0]["state"] == "paused"
    assert len(taken.commits) == 1


async def test_the_largest_release_is_at_each_gateway_and_a_larger_archive_is_refused(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        rest = RELEASE_BYTES_MAX - len(MAIN)
        added = await upload(two, **{"main.py": MAIN, "data.bin": hashlib.shake_128(b"data").digest(rest)})
        release = one.parts.updater.store.releases[added.json()["number"]]
        await settled(lambda: all(at.parts.updater.store.has_files(release.files) for at in (one, two)))
        cluster = one.parts.cluster
        assert isinstance(cluster, ClusterNode) and cluster.connection is not None
        large = [ReleaseFile("main.py", 1, "0" * 64)]
        name = hashlib.sha256(dump_manifest(large)).hexdigest()
        await cluster.connection.put(FILES_BUCKET, name, b"%d" % (PARTS_MAX + 1))
        with pytest.raises(OSError, match="does not have the files"):
            await ReleaseFiles(one.parts.updater.store).fetch(cluster.connection, large)

    assert release.size_bytes == RELEASE_BYTES_MAX


async def test_a_board_of_a_gateway_that_does_not_listen_is_asked_again_after_a_while(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one:
        await settled(lambda: joined(one) and leads(one))
        coordination, cluster = one.parts.updater.coordination, one.parts.cluster
        assert isinstance(coordination, SharedRollouts) and isinstance(cluster, ClusterNode)
        link = RemoteLink("of-before", "192.0.2.1", 0.0)
        with pytest.raises(AwayError, match="earlier version") as away:
            await coordination.remote.ask(cluster.connection, link, "old", {"step": "next"})

    assert away.value.least_s == NOBODY_S


async def test_a_gateway_that_is_killed_in_the_middle_leaves_the_rollout_to_another_one(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server, GatewayProcess("--cluster", server.url, "--cluster-node", "dies") as dies:
        log = Path(dies.folder.name) / "log.txt"
        await settled(lambda: "carries rollouts out" in log.read_text(encoding="utf-8"))
        async with RunningApp(cluster=server.url, cluster_node="lives") as lives:
            await settled(lambda: joined(lives) and len(lives.parts.cluster.state().nodes) == 2)
            await key_of(lives, "kept")
            await key_of(lives, "later")
            stuck = asyncio.Event()

            async def kill_once() -> None:
                if not stuck.is_set():
                    stuck.set()
                    await asyncio.to_thread(dies.end, signal.SIGKILL)

            taken, later = Taking(kill_once), Taking()
            async with taking(lives, "kept", taken), taking(lives, "later", later):
                number = await deploy(lives, "kept", "later", canary=1)
                await stuck.wait()
                meanwhile = asyncio.create_task(add_release(lives, {"main.py": MAIN}))
                await settled(lambda: leads(lives))
                done = await ended(lives, number, good=2)

            assert (await meanwhile).status_code == 201

    assert done["state"] == "done"
    assert len(taken.counters) == 2 and len(set(taken.counters)) == 1
    assert taken.commits == taken.counters[:1] and len(later.commits) == 1


async def test_a_gateway_that_stood_still_while_another_took_over_gives_no_second_update(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server, GatewayProcess("--cluster", server.url, "--cluster-node", "still") as still:
        log = Path(still.folder.name) / "log.txt"
        await settled(lambda: "carries rollouts out" in log.read_text(encoding="utf-8"))
        async with RunningApp(cluster=server.url, cluster_node="moves") as moves:
            await settled(lambda: joined(moves) and len(moves.parts.cluster.state().nodes) == 2)
            for device in ("first", "second"):
                await key_of(moves, device)
            stuck = asyncio.Event()

            async def stop_once() -> None:
                if not stuck.is_set():
                    stuck.set()
                    still.process.send_signal(signal.SIGSTOP)

            first, second = Taking(stop_once), Taking()
            async with taking(moves, "first", first), taking(moves, "second", second):
                number = await deploy(moves, "first", "second", canary=1)
                await stuck.wait()
                await settled(lambda: leads(moves))
                still.process.send_signal(signal.SIGCONT)
                done = await ended(moves, number, good=2)
                await settled(lambda: "no more" in log.read_text(encoding="utf-8"))
                seen = await until_at(still, number, lambda found: found["state"] == "done")

            assert leads(moves)

    assert seen == done and done["state"] == "done"
    assert len(first.counters) == 2 and first.commits == first.counters[1:] == first.counters[:1]
    assert len(second.commits) == len(second.counters) == 1


async def test_a_gateway_that_is_stopped_leaves_the_rollout_to_another_one_at_once(nats: NatsServer) -> None:
    async with two_gateways(nats.url) as (one, two):
        await key_of(one, "handed")
        stuck = asyncio.Event()

        async def note() -> None:
            stuck.set()

        taken = Taking(note)
        async with taking(two, "handed", taken):
            await online_at_both(one, two, "handed")
            number = await deploy(one, "handed")
            await stuck.wait()
            await one.stop()
            done = await ended(two, number, good=1)

    assert done["state"] == "done" and len(set(taken.counters)) == len(taken.commits) == 1


async def test_releases_of_a_gateway_that_joins_others_are_left_out_and_the_first_brings_its_own(
    tmp_path: Path,
) -> None:
    with NatsServer(tmp_path) as server:
        first, other = RunningApp(), RunningApp()
        for gateway, device in ((first, "board-of-first"), (other, "board-of-other")):
            await gateway.start()
            await key_of(gateway, device)
            async with board_at(gateway, device):
                pass
            await deploy(gateway, device, main=f"print('{device}')".encode())
            await gateway.stop()
            gateway._settings["cluster"] = server.url
        async with first:
            await settled(lambda: joined(first) and leads(first))
            async with other:
                await settled(lambda: joined(first, other))
                rollouts = [(await at.get("/api/rollouts")).json()["rollouts"] for at in (first, other)]
                keys = [at.parts.updater.store.key_of("board-of-other") for at in (first, other)]
                (release,) = other.parts.updater.store.releases.values()
                await settled(lambda: other.parts.updater.store.has_files(release.files))

    assert rollouts[0] == rollouts[1] and [each["targets"][0]["device"] for each in rollouts[0]] == ["board-of-first"]
    assert keys[0] is not None and keys[0] == keys[1]
