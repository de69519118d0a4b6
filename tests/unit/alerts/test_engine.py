"""The engine of alerts: what comes true, when, and what ends; by readings, links and the time alone."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.alerts.engine import Engine
from darvaz.gateway.alerts.rules import GATEWAY, AlertRule
from tests.support.examples import examples


class World:
    """An engine with boards, and a clock that one can turn."""

    def __init__(self, *rules: AlertRule, boards: dict[str, tuple[str, ...]] | None = None) -> None:
        self.engine, self.now_s = Engine(), 1_000.0
        for board, groups in (boards or {"greenhouse": ()}).items():
            self.engine.put_device(board, groups, True, self.now_s)
        for rule in rules:
            self.engine.put_rule(rule, self.now_s)

    def reads(self, value: Any, board: str = "greenhouse", name: str = "temperature", age_s: float = 0.0) -> None:
        self.engine.receive(board, {name: value}, self.now_s - age_s)

    def link(self, board: str, is_online: bool, groups: tuple[str, ...] = ()) -> None:
        self.engine.put_device(board, groups, is_online, self.now_s)

    def passes(self, seconds: float) -> None:
        self.now_s += seconds
        self.engine.tick(self.now_s)

    @property
    def changes(self) -> list[tuple[str, str, bool]]:
        return [(change.rule.id, change.device, change.is_active) for change in self.engine.take_changes()]


def rule(identity: str = "cold", when: Any = "below", **fields: Any) -> AlertRule:
    given = {"value": "temperature", "threshold": 5.0, "device": "greenhouse"} if when == "below" else {}
    return AlertRule(id=identity, when=when, **{**given, **fields})


BEGAN, ENDED = [("cold", "greenhouse", True)], [("cold", "greenhouse", False)]


def test_a_value_below_its_limit_for_the_time_of_the_rule_is_an_alert() -> None:
    world = World(rule(for_s=120))

    world.reads(4.9)
    world.passes(119)
    before = world.changes
    world.passes(1)

    assert (before, world.changes) == ([], BEGAN)


def test_a_value_that_comes_back_in_time_is_none() -> None:
    world = World(rule(for_s=120))

    world.reads(4.9)
    world.passes(60)
    world.reads(5.0)
    world.passes(600)

    assert world.changes == []


def test_an_alert_ends_only_when_the_value_has_come_back_by_the_hysteresis() -> None:
    world = World(rule(hysteresis=1.0))

    world.reads(4.0)
    world.reads(5.9)
    while_near = world.changes
    world.reads(6.0)

    assert (while_near, world.changes) == (BEGAN, ENDED)


@pytest.mark.parametrize(
    ("when", "threshold", "calm", "alarming"),
    [("above", 30, 30, 30.5), ("is", True, False, True), ("is", "open", "closed", "open"), ("below", 0, 0, -1)],
)
def test_values_are_compared_as_the_rule_says(when: Any, threshold: Any, calm: Any, alarming: Any) -> None:
    world = World(rule(when=when, value="temperature", threshold=threshold, device="greenhouse"))

    world.reads(calm)
    calmly = world.changes
    world.reads(alarming)
    began = world.changes
    world.reads(calm)

    assert (calmly, began, world.changes) == ([], BEGAN, ENDED)


def test_a_text_instead_of_a_number_decides_nothing() -> None:
    world = World(rule())

    world.reads(3.0)
    world.reads("sensor broken")

    assert world.changes == BEGAN


def test_a_board_that_left_is_an_alert_until_it_comes_back() -> None:
    world = World(rule(when="offline", for_s=600, device=None))

    world.link("greenhouse", False)
    world.passes(600)
    began = world.changes
    world.link("greenhouse", True)

    assert (began, world.changes) == (BEGAN, ENDED)


def test_a_value_that_is_reported_no_more_is_an_alert_until_it_is() -> None:
    world = World(rule(when="silent", value="temperature", for_s=900, device="greenhouse"))

    for _ in range(3):
        world.passes(800)
        world.reads(20)
    regularly = world.changes
    world.passes(900)
    began = world.changes
    world.reads(20)

    assert (regularly, began, world.changes) == ([], BEGAN, ENDED)


def test_a_rule_for_all_waits_for_a_value_only_of_boards_that_had_it() -> None:
    world = World(rule(when="silent", value="temperature", for_s=900), boards={"greenhouse": (), "lamp": ()})

    world.reads(20)
    world.reads(1, board="lamp", name="light")
    world.passes(1_000)

    assert world.changes == BEGAN


def test_a_rule_of_a_group_follows_who_is_in_it() -> None:
    world = World(rule(device=None, group="barn"), boards={"greenhouse": ("barn",), "attic": ()})

    world.reads(1)
    world.reads(1, board="attic")
    of_the_group = world.changes
    world.link("attic", True, ("barn",))
    world.reads(1.5, board="attic")
    joined = world.changes
    world.link("greenhouse", True, ())

    assert of_the_group == BEGAN
    assert joined == [("cold", "attic", True)]
    assert world.changes == ENDED


def test_nobody_is_told_of_a_value_that_was_low_when_the_board_was_last_seen() -> None:
    world = World(rule(for_s=120))

    world.reads(4.0)
    world.link("greenhouse", False)
    world.passes(3_600)
    away = world.changes
    world.link("greenhouse", True)
    world.reads(9.0)
    recovered = world.changes
    world.reads(4.0)
    world.passes(120)

    assert (away, recovered, world.changes) == ([], [], BEGAN)


def test_readings_that_waited_on_the_board_tell_of_an_alert_that_is_over() -> None:
    world = World(rule(for_s=120))
    world.reads(20)
    world.passes(3_600)

    for age_s, value in ((1_000, 4.0), (850, 4.1), (800, 9.0)):
        world.reads(value, age_s=age_s)

    assert world.changes == [*BEGAN, *ENDED]


def test_a_late_reading_changes_nothing() -> None:
    world = World(rule())
    world.passes(100)

    world.reads(20.0)
    world.reads(1.0, age_s=50)

    assert world.changes == []


def test_a_rule_that_is_removed_changed_or_of_a_forgotten_board_ends_its_alert() -> None:
    world = World(rule())
    world.reads(1.0)
    began = world.changes

    world.engine.put_rule(rule(threshold=0.0), world.now_s)
    changed = world.changes
    world.reads(-1.0)
    again = world.changes
    world.engine.forget_device("greenhouse", world.now_s)

    assert (began, changed, again, world.changes) == (BEGAN, ENDED, BEGAN, ENDED)


def test_a_rule_that_is_changed_before_all_boards_are_watched_holds_as_it_is_last() -> None:
    boards: dict[str, tuple[str, ...]] = {f"b{number}": ("hall",) for number in range(4)}
    world = World(rule(device=None, group="hall"), boards=boards)
    for board in boards:
        world.reads(3.0, board=board)
    began = world.changes
    first = world.engine.put_by_device(rule(device=None, group="hall", threshold=4.0), world.now_s)
    next(first)
    second = world.engine.put_by_device(rule(device=None, group="hall", threshold=1.0), world.now_s)
    world.link("b3", is_online=True, groups=())
    world.link("b4", is_online=True, groups=("hall",))
    left = [*first, *second]
    world.reads(0.5, board="b4")

    assert len(began) == 4
    assert left == ["b0", "b1", "b2", "b3"]
    changes = world.changes
    assert [device for _, device, is_active in changes if not is_active] == ["b0", "b3", "b0", "b1", "b2"]
    assert [device for _, device, is_active in changes if is_active] == ["b0", "b4"]


def test_a_board_that_is_forgotten_while_its_rule_is_changed_has_no_alert() -> None:
    world = World(rule())
    world.reads(1.0)
    began = world.changes
    steps = world.engine.put_by_device(rule(device=None, group="hall"), world.now_s)
    world.engine.forget_device("greenhouse", world.now_s)
    for _ in steps:
        pass

    assert (began, world.changes) == (BEGAN, ENDED)


def test_a_reading_that_comes_while_a_rule_is_added_is_looked_at_once() -> None:
    world = World(boards={"greenhouse": (), "shed": ()})
    steps = world.engine.put_by_device(rule(device=None), world.now_s)
    world.reads(1.0)
    world.reads(1.0, board="shed")
    for _ in steps:
        pass
    world.reads(20.0)

    assert world.changes == [("cold", "greenhouse", True), ("cold", "shed", True), ("cold", "greenhouse", False)]


def test_the_gateway_itself_is_watched_like_a_board() -> None:
    world = World(rule(when="disk", threshold=10), boards={GATEWAY: ()})

    world.reads(9.5, board=GATEWAY, name="disk_free_percent")

    assert world.changes == [("cold", GATEWAY, True)]


def test_an_event_stays_an_alert_until_it_is_acknowledged() -> None:
    world = World(rule(when="event", event="release_fell_back", device=None))

    world.engine.occur("greenhouse", "release_fell_back", world.now_s)
    world.passes(86_400)
    began = world.changes
    world.engine.end(("cold", "greenhouse"), world.now_s, "acknowledged")

    assert (began, world.changes) == (BEGAN, ENDED)


def test_what_was_true_before_a_restart_goes_on() -> None:
    world = World(rule(for_s=120), rule("away", when="offline", for_s=600))

    world.engine.restore(("cold", "greenhouse"), is_active=True, since_s=world.now_s - 50)
    world.link("greenhouse", False)
    world.engine.restore(("away", "greenhouse"), is_active=False, since_s=world.now_s - 500)
    world.passes(100)
    away = world.changes
    world.link("greenhouse", True)
    world.reads(8.0)

    assert away == [("away", "greenhouse", True)]
    assert world.changes == [("away", "greenhouse", False), *ENDED]


def test_many_rules_of_one_value_cost_nothing_while_none_changes() -> None:
    world = World(*[rule(f"r{number}", threshold=float(-number)) for number in range(1_000)])
    world.reads(20.0)

    series = world.engine._devices["greenhouse"].series["temperature"]

    assert (series.low, series.high) == (0.0, float("inf"))


def test_a_value_that_flickers_is_queued_once() -> None:
    world = World(rule(for_s=3_600))

    for _ in range(1_000):
        world.passes(1)
        world.reads(4.0)
        world.reads(6.0)

    assert len(world.engine._queue) == 1
    assert world.changes == []


def test_a_device_that_nobody_watches_takes_little_memory() -> None:
    """Both alerts and rules know each of thousands of boards, and mostly no rule is about one."""
    engine, devices = Engine(), [f"board-{number}" for number in range(1_000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for device in devices:
            engine.put_device(device, [], True, 0.0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (after - before) / len(devices) < 250


@examples(100)
@given(
    readings=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from([4.0, 6.0, "on"]), st.integers(0, 90)), max_size=9
    ),
    rules=st.lists(st.sampled_from(["below", "silent", "offline"]), unique=True, max_size=3),
    device=st.sampled_from(["greenhouse", None]),
)
def test_what_is_not_watched_changes_nothing(readings: Any, rules: Any, device: Any) -> None:
    """A report that `watches` leaves out makes no difference."""
    made = [rule(when, when, value="a", threshold=5.0, device=device, for_s=30) for when in rules]
    guarded, fed = World(*made), World(*made)

    for name, value, seconds in readings:
        if guarded.engine.watches("greenhouse", {name: value}):
            guarded.reads(value, name=name)
        fed.reads(value, name=name)
        guarded.passes(seconds)
        fed.passes(seconds)
        assert guarded.changes == fed.changes
        assert guarded.engine.due_s == fed.engine.due_s

    assert not guarded.engine.watches("nobody", {"a": 4.0}) and not guarded.engine.watches("greenhouse", {})
