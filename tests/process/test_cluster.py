"""Gateways of a cluster find each other by a real NATS server, and say so; what is wrong is told."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from pathlib import Path
from typing import Any

import pytest
import trustme

from darvaz.gateway.integrations import check_integrations
from darvaz.gateway.settings import Settings, SettingsError
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.played_updates import upload
from tests.support.viewing import run_cli

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]


PAGE = (Path(__file__).resolve().parents[2] / "docs/cluster.md").read_text(encoding="utf-8")


def names(gateway: RunningApp) -> list[str]:
    """Returns the gateways that one knows, by name."""
    return [node.name for node in gateway.parts.cluster.state().nodes]


def leaders(gateway: RunningApp) -> tuple[list[str], int]:
    """Returns which gateways one takes for those that carry rollouts out, and in which term."""
    state = gateway.parts.cluster.state()
    return [node.name for node in state.nodes if node.carries_out], state.rollouts_term


def status_of(gateway: GatewayProcess) -> str:
    """Returns the table that the command line prints."""
    return run_cli("cluster", "status", gateway=gateway).stdout


async def test_a_gateway_by_itself_says_so() -> None:
    async with RunningApp() as gateway:
        answer, health = await gateway.get("/api/cluster"), await gateway.get("/api/health")

    assert answer.json() == {"state": "single", "detail": "", "nodes": [], "rollouts_term": 0}
    assert (health.json()["cluster"], health.json()["status"]) == ("single", "ok")


async def test_gateways_find_each_other_and_see_one_end(nats: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "darvaz.cluster")
    async with RunningApp(cluster=nats.url, cluster_node="one") as one:
        async with RunningApp(cluster=nats.url, cluster_node="two") as two:
            await settled(lambda: names(one) == names(two) == ["one", "two"])
            health, page = await one.get("/api/health"), await one.get("/metrics")
            this = [node["name"] for node in (await two.get("/api/cluster")).json()["nodes"] if node["is_this"]]
        await settled(lambda: names(one) == ["one"])

    assert (health.json()["cluster"], health.json()["status"], this) == ("ok", "ok", ["two"])
    # Not by its silence.
    assert "has ended" in caplog.text and "is silent" not in caplog.text
    assert "darvaz_cluster_up 1.0" in page.text and "darvaz_cluster_nodes 2.0" in page.text
    assert "darvaz_cluster_connections_total 1.0" in page.text and "darvaz_cluster_waiting " in page.text
    assert "darvaz_cluster_events_dropped_total 0.0" in page.text


async def test_each_gateway_says_which_one_carries_rollouts_out_in_which_term(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url, cluster_node="one") as one:
            await settled(lambda: leaders(one)[0] == ["one"])
            async with RunningApp(cluster=server.url, cluster_node="two") as two:
                await settled(lambda: leaders(two) == leaders(one))
                before = leaders(two)
                await one.stop()
                await settled(lambda: leaders(two)[0] == ["two"])
                after = leaders(two)
                await one.start()

    assert before[0] == ["one"] and after[1] > before[1] > 0


async def test_a_gateway_that_was_killed_is_missed_within_ten_seconds(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url, cluster_node="seer") as seer:
        # Who is there first leads.
        await settled(lambda: leaders(seer)[0] == ["seer"])
        with GatewayProcess("--cluster", nats.url, "--cluster-node", "killed") as killed:
            await settled(lambda: names(seer) == ["killed", "seer"])
            async with asyncio.timeout(60):
                # Until it has read what the other one says.
                while True:
                    printed = await asyncio.to_thread(run_cli, "cluster", "status", "--json", gateway=killed)
                    if printed.returncode or len(json.loads(printed.stdout)["nodes"]) >= 2:
                        break
                # The one that was killed asks who leads once a second.
                while "carries out" not in (table := await asyncio.to_thread(status_of, killed)):
                    pass
            term = leaders(seer)[1]
            await asyncio.to_thread(killed.end, signal.SIGKILL)
            await settled(lambda: names(seer) == ["seer"])
        async with RunningApp(cluster=nats.url, cluster_node="late") as late:
            await settled(lambda: "late" in names(late))
            # The last heartbeat of the other one still lies there.
            seen_late = names(late)

    assert seen_late == ["late", "seer"]
    assert printed.returncode == 0, printed.stderr
    found = json.loads(printed.stdout)
    assert [node["name"] for node in found["nodes"]] == ["killed", "seer"]
    (row,) = [line for line in table.splitlines() if "carries out" in line]
    assert "seer-" in row and f"term {term}" in row
    assert [node["stores"] for node in found["nodes"]] == ["ok", "ok"]


async def test_the_loss_of_nats_is_told_and_survived(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url, cluster_node="one") as one:
            await settled(lambda: names(one) == ["one"])
            server.kill()
            await settled(lambda: bool(one.parts.problems))
            problem, state = one.parts.problems[0], (await one.get("/api/health")).json()["cluster"]
            async with board_at(one, "lamp") as board:
                await board.send("ping")
                await board.receive("pong")
            server.start()
            await settled(lambda: not one.parts.problems)

            assert names(one) == ["one"]
    assert "the cluster is not reached" in problem
    assert state == "away"


async def test_the_gateway_shows_who_it_is_and_checks_the_server(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    files = {"ca": authority.cert_pem, "cert": certificate.cert_chain_pems[0], "key": certificate.private_key_pem}
    for name, blob in files.items():
        blob.write_to_path(str(tmp_path / f"{name}.pem"))
    (tmp_path / "credentials").write_text("gateway:s3cret\n")
    options = f'authorization {{ user: gateway, password: s3cret }}\ntls {{ cert_file: "{tmp_path / "cert.pem"}"\n'
    options += f'key_file: "{tmp_path / "key.pem"}" }}'
    ours = {"cluster_ca_file": str(tmp_path / "ca.pem"), "cluster_credentials_file": str(tmp_path / "credentials")}
    with NatsServer(tmp_path, options=options) as server, NatsServer(tmp_path, "plain") as plain:
        url = f"tls://localhost:{server.port}"
        async with RunningApp(cluster=url, cluster_node="safe", **ours) as gateway:
            await settled(lambda: names(gateway) == ["safe"])
        wrong_ca = await problem_of(cluster=url, cluster_credentials_file=ours["cluster_credentials_file"])
        no_user = await problem_of(cluster=url, cluster_ca_file=ours["cluster_ca_file"])
        stripped = await problem_of(cluster=f"tls://localhost:{plain.port}", **ours)

    assert "certificate verify failed" in wrong_ca
    assert "uthorization" in no_user
    assert "does not encrypt" in stripped


async def test_the_user_of_the_page_may_do_what_gateways_need_and_no_more(tmp_path: Path) -> None:
    block = PAGE.partition("```nginx\n")[2].partition("```")[0]
    assert block.startswith("authorization")
    (tmp_path / "credentials").write_text("darvaz:a-long-password\n")
    with NatsServer(tmp_path, options=block) as server:
        settings = {"cluster": server.url, "cluster_credentials_file": str(tmp_path / "credentials")}
        async with RunningApp(**settings) as one, RunningApp(**settings) as two:
            await settled(lambda: len(names(one)) == len(names(two)) == 2)
            added = await upload(two, **{"main.py": b"print(1)"})
            async with board_at(one, "lamp") as board:
                await settled(lambda: two.parts.hub.is_online("lamp"))
                asking = asyncio.create_task(two.post("/api/devices/lamp/commands/info"))
                command = await board.receive("command")
                await board.send("ack", id=command["id"], command="info", status="ok")
                answer = await asking

    assert (added.status_code, answer.status_code) == (201, 200)


async def problem_of(**settings: Any) -> str:
    """Returns what a gateway with these settings says is wrong, once it has tried."""
    async with RunningApp(**settings) as gateway:
        await settled(lambda: "not connected yet" not in gateway.parts.cluster.state().detail)
        return gateway.parts.problems[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cluster_credentials_file": "/nowhere/at/all"}, "No such file"),
        ({"cluster_credentials_file": "/dev/null"}, "user:password or a token"),
        ({"cluster": "tls://localhost", "cluster_ca_file": "/dev/null"}, "cannot be used"),
    ],
)
async def test_a_file_that_is_missing_is_told_at_the_start(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        check_integrations(Settings(**{"data": str(tmp_path), "cluster": "nats://localhost"} | settings))
