"""Who asks NATS which gateway leads, and how often: the one that leads, and those whom no heartbeat tells."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from darvaz.gateway.cluster.connection import NatsConnection, OutdatedError
from darvaz.gateway.cluster.leadership import FAR_LOOK_S, Leadership
from darvaz.gateway.cluster.nodes import Heartbeat, LivingNodes


class Entry:
    """The one entry of the bucket, with its revision."""

    def __init__(self) -> None:
        self.value: bytes | None = None
        self.revision = 0

    async def get(self, bucket: str, key: str) -> tuple[bytes | None, int]:
        return self.value, self.revision

    async def put(self, bucket: str, key: str, value: bytes, last: int) -> int:
        if last != self.revision:
            raise OutdatedError("another one was first")
        self.value, self.revision = value, self.revision + 1
        return self.revision

    async def delete(self, bucket: str, key: str, last: int) -> int:
        self.value, self.revision = None, self.revision + 1
        return self.revision


def beat(term: int = 0) -> Heartbeat:
    return Heartbeat(name="x", version="1", started_s=0.0, devices_online=0, term=term)


class Member:
    """A gateway that knows another one."""

    def __init__(self, own: str, other: str) -> None:
        self.nodes = LivingNodes(own, time.monotonic())
        self.may_lead = True
        self.leadership = Leadership(self.nodes, lambda: self.may_lead, self._catch_up)
        for node in (own, other):
            self.hear(node)

    async def _catch_up(self, connection: NatsConnection) -> bool:
        return True

    def hear(self, node: str, term: int = 0) -> None:
        self.nodes.hear(node, beat(term), time.monotonic())

    def look(self, entry: Entry) -> None:
        asyncio.run(self.leadership.look(cast(Any, entry)))

    def is_due(self, after_s: float = 0.0) -> bool:
        return self.leadership.is_due(time.monotonic() + after_s)


def test_the_one_that_leads_asks_each_time_and_the_other_while_it_is_not_told() -> None:
    entry, one, two = Entry(), Member("one", "two"), Member("two", "one")

    one.look(entry)
    two.look(entry)
    untold = two.is_due()
    two.hear("one", one.leadership.own_term)

    assert one.leadership.is_leading and two.leadership.leader == "one"
    assert one.is_due() and untold
    assert not two.is_due(FAR_LOOK_S / 2) and two.is_due(FAR_LOOK_S)


def test_a_newer_term_the_end_of_the_term_and_the_end_of_the_gateway_are_asked_about_at_once() -> None:
    entry, one, two = Entry(), Member("one", "two"), Member("two", "one")
    one.look(entry)
    two.look(entry)
    term = one.leadership.own_term
    dues = []
    for change in (
        lambda: two.hear("one", 0),
        lambda: two.hear("third", term + 1),
        lambda: two.nodes.end("one"),
    ):
        two.hear("third", 0)
        two.hear("one", term)
        before = two.is_due()
        change()
        dues.append((before, two.is_due()))

    assert dues == [(False, True)] * 3


def test_a_gateway_that_stops_gives_the_lead_away() -> None:
    entry, one, two = Entry(), Member("one", "two"), Member("two", "one")
    one.look(entry)
    first = one.leadership.own_term

    one.may_lead = False
    one.look(entry)
    two.look(entry)

    assert not one.leadership.is_leading and two.leadership.is_leading
    assert two.leadership.own_term > first
