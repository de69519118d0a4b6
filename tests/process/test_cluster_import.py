"""`darvaz cluster import`: the data of a gateway that served alone, brought into a cluster once, or refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import Result

from darvaz.gateway.storage.folder_lock import FolderLock
from tests.process.test_cluster_access import is_valid, joined
from tests.process.test_cluster_journal import report, until_all_have
from tests.support.app import RunningApp
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]


async def brought(alone: RunningApp, *options: str) -> Result:
    """Runs the import for a gateway that is stopped."""
    return await asyncio.to_thread(alone.run_reading_cli, "cluster", "import", *options)


async def test_a_folder_is_imported_once_and_others_data_only_if_asked(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        to = ("--cluster", server.url)
        async with RunningApp() as alone, RunningApp() as other:
            for number in range(3):
                await report(alone, "veteran", number)
            await alone.ask("PATCH", "/api/devices/veteran", json={"label": "Old hand", "groups": ["shed"]})
            token = alone.parts.access.tokens.issue("operator")
            await report(other, "newcomer", 0)
            await alone.stop()
            await other.stop()
            lock = FolderLock.take(alone.data)
            assert lock is not None
            in_use = await brought(alone, *to)
            lock.release()

            first = await brought(alone, "--json", *to)
            refused = await brought(other, *to)
            async with RunningApp(cluster=server.url) as node:
                await settled(lambda: joined(node) and is_valid(node, token.text))
                again = await brought(alone, "--json", *to)
                lines, readings = [f"line {n}" for n in range(3)], [0.0, 1.0, 2.0]
                await until_all_have([node], "veteran", lines, readings)
                known = (await node.get("/api/devices/veteran")).json()
                merged = await brought(other, "--merge", *to)
                await until_all_have([node], "newcomer", ["line 0"], [0.0])
                await until_all_have([node], "veteran", lines, readings)

    assert (in_use.exit_code, "is used by another gateway" in in_use.output) == (1, True), in_use.output
    for done in (first, again, merged):
        assert done.exit_code == 0, done.output
    entries = [json.loads(done.stdout)["entries"] for done in (first, again)]
    assert json.loads(first.stdout)["devices"] == 1 and entries[0] == entries[1] > 0
    assert (known["label"], known["groups"]) == ("Old hand", ["shed"])
    assert refused.exit_code == 1 and "1 device ('veteran')" in refused.output and "--merge" in refused.output
