"""Which gateways of a cluster live, by their heartbeats and a fake clock."""

from __future__ import annotations

from darvaz.gateway.cluster.nodes import DEAD_S, STALLED_S, Heartbeat, LivingNodes


def beat(name: str = "x") -> Heartbeat:
    return Heartbeat(name=name, version="1", started_s=0.0, devices_online=0)


def nodes_of(now_s: float, *others: str) -> LivingNodes:
    """Returns what a gateway `own` knows that has just heard itself and others."""
    nodes = LivingNodes("own", now_s)
    for node in ("own", *others):
        assert nodes.hear(node, beat(node), now_s)
    return nodes


def test_a_gateway_that_is_silent_for_too_long_is_dead() -> None:
    nodes = nodes_of(0.0, "other")
    for second in range(1, 9):
        nodes.hear("own", beat(), float(second))

    before, after = nodes.take_dead(DEAD_S), nodes.take_dead(DEAD_S + 0.1)

    assert (before, after) == ([], ["other"])
    assert "other" not in nodes and "own" in nodes


def test_a_newcomer_takes_nobody_for_alive_that_was_silent_before_it_came() -> None:
    # The clock of NATS is a day ahead.
    stored_s, nodes = 86_400.0, LivingNodes("own", 0.0)
    for node, silent_s in (("killed", DEAD_S + 0.1), ("lives", 0.5)):
        nodes.hear(node, beat(node), 0.1, stored_s - silent_s)

    assert nodes.take_dead(0.1) == []
    nodes.hear("own", beat(), 0.2, stored_s)

    assert nodes.take_dead(0.2) == ["killed"]
    assert "lives" in nodes and "own" in nodes


def test_silence_is_not_counted_while_nothing_comes_back() -> None:
    nodes = nodes_of(0.0, "other")

    assert nodes.take_dead(6.0) == []
    nodes.hear("own", beat(), 7.0)

    assert nodes.take_dead(7.0 + DEAD_S - 0.1) == []
    assert nodes.take_dead(7.1) == []


def test_a_gateway_that_is_cut_off_knows_nobody_any_more() -> None:
    nodes = nodes_of(0.0, "other")

    assert nodes.is_sure(DEAD_S) and not nodes.is_stalled(DEAD_S)
    assert not nodes.is_sure(DEAD_S + 0.1) and nodes.is_stalled(DEAD_S + 0.1)
    assert sorted(nodes.take_dead(DEAD_S + 0.1, is_connected=False)) == ["other", "own"]


def test_while_nats_stores_nothing_the_others_are_as_they_were_for_some_time() -> None:
    nodes = nodes_of(0.0, "other")

    assert nodes.take_dead(STALLED_S, is_connected=True) == []
    assert sorted(nodes.take_dead(STALLED_S + 0.1, is_connected=True)) == ["other", "own"]


def test_others_come_back_with_their_next_heartbeat() -> None:
    nodes = nodes_of(0.0, "other")
    nodes.take_dead(20.0, is_connected=False)

    assert nodes.hear("own", beat(), 30.0)
    assert nodes.hear("other", beat(), 30.5)
    assert nodes.is_sure(31.0)


def test_a_gateway_that_ended_in_order_is_not_waited_for() -> None:
    nodes = nodes_of(0.0, "other")

    assert nodes.end("other")
    assert not nodes.end("other")
    assert [node for node, _ in nodes.items()] == ["own"]
