"""Limits by address of several gateways: what one counts, all count."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from tests.process.test_cluster_access import OUTSIDE, joined, status_at
from tests.support.app import RunningApp
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

SCHOOL = "192.0.2.78"


async def test_who_guesses_at_one_gateway_is_blocked_at_all_until_a_right_token_comes(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        right = one.parts.access.tokens.issue("operator")
        failures = two.parts.access.rules.failures
        guesses = [await status_at(one, f"dvz_{number:010d}_wrong") for number in range(12)]
        await settled(lambda: failures.wait_s(OUTSIDE) is not None)
        at_two = await status_at(two, "dvz_0123456789_wrong")
        one.parts.access.rules.failures.clear(OUTSIDE)
        await settled(lambda: failures.wait_s(OUTSIDE) is None)
        with_right = await status_at(two, right.text)

    assert guesses[-1] == at_two == 429
    assert with_right == 200


async def test_links_of_one_address_are_counted_at_all_gateways(nats: NatsServer) -> None:
    settings = {"cluster": nats.url, "links_per_address_max": 6, "public_tokens": "always"}
    async with RunningApp(**settings) as one, RunningApp(**settings) as two:
        await settled(lambda: joined(one, two))
        board = one.parts.access.tokens.issue("pico").text
        headers = {"Authorization": f"Bearer {board}"}
        links = [await one.open_websocket("/ws/pico", headers, SCHOOL) for _ in range(6)]
        counts = two.parts.link_counts
        await settled(lambda: 6 in counts.elsewhere.values())
        with pytest.raises(InvalidStatus) as refused:
            await two.open_websocket("/ws/pico", headers, SCHOOL)
        for link in links:
            await link.close()
        await settled(lambda: 6 not in counts.elsewhere.values())

    assert refused.value.response.status_code == 429
