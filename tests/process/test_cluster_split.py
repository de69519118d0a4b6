"""What people change on both sides of a network that is cut holds at all gateways once it is whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.process.test_cluster_access import is_valid, joined
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.split_network import SplitNetwork

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster"), pytest.mark.timeout(180)]

NEAR, WHOLE = "of the side that is cut off", "of the whole side"


def label_at(gateway: RunningApp, device: str) -> str | None:
    known = gateway.parts.devices.get(device)
    return None if known is None else known.label


async def label(gateway: RunningApp, device: str, text: str) -> None:
    (await gateway.ask("PATCH", f"/api/devices/{device}", json={"label": text})).raise_for_status()


async def forget(gateway: RunningApp, device: str) -> None:
    (await gateway.ask("DELETE", f"/api/devices/{device}")).raise_for_status()


def has_all(at: RunningApp, revoked: list[str]) -> bool:
    """Returns whether a gateway knows what was changed on either side."""
    labels = [label_at(at, device) for device in ("renamed-1", "renamed-2")]
    is_gone = at.parts.devices.get("gone-1") is at.parts.devices.get("gone-2") is None
    return labels == [NEAR, WHOLE] and is_gone and not any(is_valid(at, text) for text in revoked)


def knows(at: RunningApp, device: str) -> bool:
    return at.parts.devices.get(device) is not None


async def test_revoked_renamed_and_forgotten_on_both_sides_of_a_cut(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with SplitNetwork(server.port) as network:
            near = f"nats://127.0.0.1:{network.port}"
            async with RunningApp(cluster=near) as cut, RunningApp(cluster=server.url) as whole:
                await settled(lambda: joined(cut, whole))
                issued = [cut.parts.access.tokens.issue("pico") for _ in range(2)]
                await settled(lambda: all(is_valid(whole, each.text) for each in issued))
                for device in ("renamed-1", "renamed-2", "gone-1", "gone-2"):
                    async with board_at(cut, device):
                        pass
                    await settled(partial(knows, whole, device))
                async with board_at(whole, "held-1", token=issued[0].text) as held_1:
                    async with board_at(cut, "held-2", token=issued[1].text) as held_2:
                        network.cut()
                        await settled(lambda: cut.parts.cluster.state().state == "away")
                        cut.parts.access.tokens.revoke(issued[0].token_id)
                        whole.parts.access.tokens.revoke(issued[1].token_id)
                        await label(cut, "renamed-1", NEAR)
                        await label(whole, "renamed-2", WHOLE)
                        await forget(cut, "gone-1")
                        await forget(whole, "gone-2")
                        during = (label_at(whole, "renamed-1"), label_at(cut, "renamed-2"))
                        network.mend()
                        for held in (held_1, held_2):
                            with pytest.raises(ConnectionClosed):
                                await held.receive("nothing")
                await settled(lambda: joined(cut, whole))
                for at in (cut, whole):
                    await settled(partial(has_all, at, [each.text for each in issued]))

    assert during == (None, None)
