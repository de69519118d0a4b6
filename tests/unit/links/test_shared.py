"""What links share: when each of many gets its first heartbeat."""

from __future__ import annotations

from collections import Counter

import pytest

from darvaz.gateway.links.shared import LinkContext
from tests.support.app import RunningApp


@pytest.mark.parametrize("links", [100, 10_000])
async def test_the_first_heartbeats_of_many_links_are_spread_evenly(links: int) -> None:
    async with RunningApp() as gateway:
        context = LinkContext(gateway.parts.protocol.kinds["pico"], gateway.parts)
    phases = [context.take_phase() for _ in range(links)]

    assert min(phases) > 0.25 and max(phases) <= 1.0
    tenths = Counter(int((phase - 0.25) / 0.075) for phase in phases)
    assert max(tenths.values()) <= links / 10 * 1.1 + 1
