"""Access at several gateways: tokens, sessions, enrolment and labels are those of all, also after outages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from darvaz.gateway.cluster.node import ClusterNode
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

OUTSIDE = "192.0.2.7"


def joined(*gateways: RunningApp) -> bool:
    """Returns whether all of these gateways are in the cluster, and have written all that they have to say."""
    nodes = [gateway.parts.cluster for gateway in gateways]
    return all(isinstance(node, ClusterNode) and node.is_settled and node.state().state == "ok" for node in nodes)


def is_valid(gateway: RunningApp, token: str) -> bool:
    """Returns whether a token is valid at a gateway."""
    return gateway.parts.access.tokens.is_live(token.split("_")[1])


async def status_at(gateway: RunningApp, token: str) -> int:
    """Returns the status of a request with a token, from another machine."""
    answer = await gateway.ask("GET", "/api/devices", OUTSIDE, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def test_a_token_is_valid_at_every_gateway_and_its_end_cuts_links_at_each(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        operator = one.parts.access.tokens.issue("operator")
        board = one.parts.access.tokens.issue("pico")
        await settled(lambda: is_valid(two, operator.text) and is_valid(two, board.text))
        before = await status_at(two, operator.text)
        async with board_at(two, "guarded", token=board.text) as link:
            for issued in (operator, board):
                assert one.parts.access.tokens.revoke(issued.token_id)
            with pytest.raises(ConnectionClosed) as closed:
                await link.receive("nothing")
        after = await status_at(two, operator.text)
        with pytest.raises(InvalidStatus):
            await two.open_websocket("/ws/pico", {"Authorization": f"Bearer {board.text}"}, OUTSIDE)

    assert (before, after) == (200, 401)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401


async def test_a_token_that_was_answered_is_in_the_cluster_and_without_one_it_is_answered_too(
    tmp_path: Path,
) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as gateway:
            await settled(lambda: joined(gateway))
            node = gateway.parts.cluster
            assert isinstance(node, ClusterNode)
            made = await gateway.ask("POST", "/api/tokens", json={"kind": "pico"})
            was_settled = node.is_settled
            server.kill()
            late = await gateway.ask("POST", "/api/tokens", json={"kind": "pico"})

    assert (made.status_code, was_settled, late.status_code) == (201, True, 201)


async def test_a_browser_that_signed_in_at_one_gateway_is_signed_in_at_all(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        await settled(lambda: one.parts.operators.cookie_name == two.parts.operators.cookie_name)
        session = one.parts.operators.sessions.open("operator", OUTSIDE, "a browser", None)
        link = two.parts.operators.links.issue()
        await settled(lambda: two.parts.operators.sessions.is_live(session.identity))
        cookie = {"Cookie": f"{two.parts.operators.cookie_name}={session.text}"}
        seen = await two.ask("GET", "/api/devices", OUTSIDE, headers=cookie)
        two.parts.operators.sessions.close(session.identity)
        await settled(lambda: not one.parts.operators.sessions.is_live(session.identity))
        gone = await one.ask("GET", "/api/devices", OUTSIDE, headers=cookie)
        uses: list[Any] = []

        def is_used() -> bool:
            uses.append(one.parts.operators.links.use(link.text))
            return uses[-1] is not None

        await settled(is_used)

    assert (seen.status_code, gone.status_code) == (200, 401)
    assert uses[-1].is_first_use


async def test_a_gateway_that_joins_others_does_not_open_their_enrolment_window(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as one:
            await settled(lambda: joined(one))
            one.parts.access.enrolment.close()
            async with RunningApp(cluster=server.url) as two:
                assert two.parts.access.enrolment.seconds_left() > 0
                await settled(lambda: two.parts.access.enrolment.seconds_left() == 0)
                two.parts.access.enrolment.open_for(5)
                await settled(lambda: one.parts.access.enrolment.seconds_left() > 0)


async def test_what_was_revoked_during_an_outage_stays_revoked(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as one, RunningApp(cluster=server.url) as two:
            await settled(lambda: joined(one, two))
            issued = one.parts.access.tokens.issue("pico")
            await settled(lambda: is_valid(two, issued.text))
            server.kill()
            await settled(lambda: one.parts.cluster.state().state == two.parts.cluster.state().state == "away")
            one.parts.access.tokens.revoke(issued.token_id)
            async with board_at(two, "late", token=issued.text) as link:
                # Bound to its board there: both have changed the same row.
                server.start()
                with pytest.raises(ConnectionClosed):
                    await link.receive("nothing")
            await settled(lambda: joined(one, two))
            await settled(lambda: not is_valid(one, issued.text) and not is_valid(two, issued.text))
            rows = [gateway.parts.access.tokens.find(issued.token_id) for gateway in (one, two)]

    assert all(row is not None and row.revoked_s is not None for row in rows)


async def test_labels_and_groups_are_those_of_all_gateways(nats: NatsServer) -> None:
    async with RunningApp() as alone:
        async with board_at(alone, "named"):
            await alone.ask("PATCH", "/api/devices/named", json={"label": "From before"})
        await alone.stop()
        alone._settings["cluster"] = nats.url
        async with RunningApp(cluster=nats.url) as other:
            await alone.start()
            await settled(lambda: label_at(other) == "From before")
            await other.ask("PATCH", "/api/devices/named", json={"label": "Later", "groups": ["garden"]})
            await settled(lambda: label_at(alone) == "Later")
            groups = (await alone.get("/api/devices/named")).json()["groups"]
            await asyncio.gather(
                *(
                    gateway.ask("PATCH", "/api/devices/named", json={"label": str(number)})
                    for number, gateway in enumerate((alone, other))
                )
            )
            await settled(lambda: label_at(alone) == label_at(other) in ("0", "1"))

    assert groups == ["garden"]


def label_at(gateway: RunningApp) -> str | None:
    known = gateway.parts.devices.get("named")
    return None if known is None else known.label
