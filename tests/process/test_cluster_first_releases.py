"""The first gateway brings its releases into the cluster, also where it is killed in the middle of that."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
from pathlib import Path

import pytest
from nats import connect as connect_to_nats
from nats.errors import Error

from darvaz.gateway.cluster.leadership import ROLLOUTS_BUCKET
from darvaz.gateway.cluster.release_files import FILES_BUCKET
from darvaz.gateway.cluster.shared_tables import ACCESS_BUCKET
from darvaz.gateway.releases.manifest import RELEASE_BYTES_MAX
from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.played_updates import MAIN, key_of, upload

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster"), pytest.mark.timeout(240)]

RELEASES = 4
DEADLINE_S = 60.0


async def until_written(server: NatsServer, bucket: str, filter_: str) -> None:
    """Waits until an entry is in a bucket; looks all the time."""
    client = await connect_to_nats(server.url)
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with contextlib.suppress(Error):
                    await client.jetstream().get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{filter_}")
                    return
                await asyncio.sleep(0)
    finally:
        await client.close()


async def fill(gateway: RunningApp) -> None:
    """Makes releases that take a while to be brought, and a rollout of the newest."""
    await key_of(gateway, "board")
    async with board_at(gateway, "board"):
        pass
    for number in range(RELEASES):
        data = hashlib.shake_128(b"%d" % number).digest(RELEASE_BYTES_MAX - len(MAIN))
        added = await upload(gateway, **{"main.py": MAIN, "data.bin": data})
    body = {"release": added.json()["number"], "to": ["board"]}
    (await gateway.ask("POST", "/api/rollouts", json=body)).raise_for_status()


@pytest.mark.parametrize(
    ("bucket", "key"),
    [(ROLLOUTS_BUCKET, "first"), (FILES_BUCKET, "*"), (ACCESS_BUCKET, "releases.*")],
    ids=["it is the first", "some files are there", "a release is listed"],
)
async def test_what_a_kill_interrupted_is_brought_at_the_next_start(tmp_path: Path, bucket: str, key: str) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp() as alone:
            await fill(alone)
            await alone.stop()
            with GatewayProcess("--cluster", server.url, data=alone.data) as first:
                await until_written(server, bucket, key)
                await asyncio.to_thread(first.end, signal.SIGKILL)

                with GatewayProcess("--cluster", server.url, data=alone.data):
                    async with RunningApp(cluster=server.url) as other:
                        await settled(lambda: joined(other))
                        store = other.parts.updater.store
                        await settled(lambda: len(store.releases) == RELEASES and len(store.rollouts) == 1)
                        await settled(lambda: all(store.has_files(each.files) for each in store.releases.values()))
                        await settled(lambda: list(store.rollouts[1].targets) == ["board"])
            await alone.start()
            kept = sorted(alone.parts.updater.store.releases)

    assert kept == list(range(1, RELEASES + 1))
