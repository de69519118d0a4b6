"""The gateways that live as people see them."""

from __future__ import annotations

from darvaz.gateway.cluster.node_states import LACKS_MIN, states_of
from darvaz.gateway.cluster.nodes import Heartbeat, LivingNodes


def nodes_of(**beats: Heartbeat) -> LivingNodes:
    nodes = LivingNodes("own", 10.0)
    for node, beat in beats.items():
        nodes.hear(node, beat, 10.0)
    return nodes


def beat(read: int | None, *, is_failing: bool = False) -> Heartbeat:
    return Heartbeat(name="x", version="1", started_s=0.0, devices_online=0, read=read, is_failing=is_failing)


def test_the_one_that_carries_rollouts_out_is_shown_while_it_lives() -> None:
    nodes = nodes_of(own=beat(5), other=beat(5))

    assert [each.id for each in states_of(nodes, "other", 11.0) if each.carries_out] == ["other"]
    assert not any(each.carries_out for each in states_of(nodes, "dead", 11.0))
    assert not any(each.carries_out for each in states_of(nodes, None, 11.0))


def test_a_store_is_behind_where_others_have_more_than_comes_in_a_moment() -> None:
    newest = 1_000
    nodes = nodes_of(
        own=beat(newest), near=beat(newest - LACKS_MIN + 1), far=beat(newest - LACKS_MIN),
        full=beat(newest, is_failing=True), older=beat(None),
    )  # fmt: skip

    assert {each.id: (each.stores, each.store_lacks) for each in states_of(nodes, None, 11.0)} == {
        "own": ("ok", 0), "near": ("ok", 0), "far": ("behind", LACKS_MIN), "full": ("failing", 0),
        "older": ("unknown", 0),
    }  # fmt: skip
