"""An answer whose head comes byte by byte is given up at the deadline, by both clients."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest

from darvaz.client import asynchronous, requests, synchronous
from darvaz.client.asynchronous import AsyncGateway
from darvaz.client.errors import Unreachable
from darvaz.client.synchronous import Gateway
from tests.support.evil_server import evil_server

pytestmark = [pytest.mark.timeout(60)]
DEADLINE_S = 0.3


def head_without_end() -> Iterable[bytes]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], itertools.repeat(b"x"))


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (synchronous, asynchronous):
        monkeypatch.setattr(module, "DEADLINE_S", DEADLINE_S)


def test_a_head_without_end_is_given_up() -> None:
    with evil_server(head_without_end(), pause_s=0.02) as server, Gateway(server.url, "x") as gateway:
        with pytest.raises(Unreachable, match=r"not begun in time|timed out"):
            gateway.ask(replace(requests.health(), deadline_s=DEADLINE_S))
        with pytest.raises(Unreachable, match=r"not begun in time|timed out"):
            next(gateway.events())


async def test_a_head_without_end_is_given_up_under_asyncio() -> None:
    with evil_server(head_without_end(), pause_s=0.02) as server:
        async with AsyncGateway(server.url, "x") as gateway:
            with pytest.raises(Unreachable, match="not begun in time"):
                await gateway.ask(replace(requests.health(), deadline_s=DEADLINE_S))
            with pytest.raises(Unreachable, match="not begun in time"):
                async for _ in gateway.events():
                    pass
