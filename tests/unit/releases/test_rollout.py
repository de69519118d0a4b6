"""When a rollout ends or stops, whatever order the boards are over in."""

from __future__ import annotations

import itertools

import pytest

from darvaz.gateway.releases.rollout import Rollout, RolloutPlan, Target


def rollout_to(*devices: str, stop_percent: float = 0.0) -> Rollout:
    targets = {device: Target(device) for device in devices}
    return Rollout(1, 1, RolloutPlan(stop_percent=stop_percent), 0.0, targets=targets)


@pytest.mark.parametrize("order", list(itertools.permutations("abc")), ids="".join)
def test_it_is_done_with_the_last_board_that_is_over(order: tuple[str, ...]) -> None:
    rollout = rollout_to("a", "b", "c")
    states = []
    for device in order:
        target = rollout.targets[device]
        target.state = "good"
        rollout.conclude(target)
        states.append(rollout.state)

    assert states == ["running", "running", "done"]


def test_a_board_that_waits_again_keeps_it_from_its_end() -> None:
    rollout = rollout_to("a", "b")
    first, last = rollout.targets.values()
    first.state = "good"
    rollout.conclude(first)
    first.state, last.state = "waiting", "good"
    rollout.conclude(last)

    assert rollout.state == "running"


def test_boards_that_came_from_the_database_again_are_those_that_count() -> None:
    rollout = rollout_to("a", "b")
    rollout.conclude()
    rollout.targets = {device: Target(device, "good") for device in rollout.targets}
    rollout.conclude(rollout.targets["a"])

    assert rollout.state == "done"


def test_one_that_falls_back_beyond_the_share_stops_it_at_once() -> None:
    rollout = rollout_to(*"abcd", stop_percent=25.0)
    states = []
    for device in "ab":
        target = rollout.targets[device]
        target.state, target.reason = "fell_back", "no Wi-Fi"
        rollout.conclude(target)
        states.append(rollout.state)

    assert states == ["running", "stopped"]
    assert rollout.reason == "b fell back: no Wi-Fi"
