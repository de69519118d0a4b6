"""Who is told what, and when: what comes together, quiet hours, and what nobody acknowledged."""

from __future__ import annotations

from typing import Any

from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.rules import AlertRule, QuietHours
from darvaz.gateway.alerts.telling import GATHER_S, QUIET_LOOK_S, Teller

NIGHT = QuietHours("22:00", "07:00")


class World:
    """A teller with one rule, and clocks that one can turn."""

    def __init__(self, **fields: Any) -> None:
        self.now_s, self.minute = 1_000.0, 12 * 60
        self.rule = AlertRule(id="cold", when="below", value="t", threshold=5.0, **fields)
        self.teller = Teller({"cold": self.rule}, lambda: ["phone"], lambda: self.minute)
        self.alerts = 0

    def begins(self) -> Alert:
        self.alerts += 1
        alert = Alert(
            id=str(self.alerts), rule="cold", device="a", title="", when="below", what="cold", since=0, began=0
        )
        self.teller.begin(alert, self.now_s)
        return alert

    def ends(self, alert: Alert) -> None:
        alert.ended = 1.0
        self.teller.end(alert, self.now_s)

    def passes(self, seconds: float) -> list[tuple[str, list[str], list[str], list[str]]]:
        """Returns what each channel is told: what began, ended, and was escalated."""
        self.now_s += seconds
        return [
            (notice.channel, ids(notice.began), ids(notice.ended), ids(notice.escalated))
            for notice in self.teller.tick(self.now_s)
        ]


def ids(alerts: list[Alert]) -> list[str]:
    return [alert.id for alert in alerts]


def test_what_begins_within_seconds_is_told_together() -> None:
    world = World()

    world.begins()
    early = world.passes(GATHER_S - 1)
    world.begins()
    world.begins()

    assert (early, world.passes(GATHER_S)) == ([], [("phone", ["1", "2", "3"], [], [])])


def test_what_never_stops_beginning_is_told_all_the_same() -> None:
    world = World()
    announced = []

    for _ in range(40):
        world.begins()
        announced.extend(world.passes(1))

    assert len(announced) == 2


def test_what_is_over_at_once_is_told_too() -> None:
    world = World()

    world.ends(world.begins())

    assert world.passes(GATHER_S) == [("phone", ["1"], [], [])]


def test_in_quiet_hours_nothing_is_told_and_afterwards_what_is_still_true() -> None:
    world = World(quiet=NIGHT, escalate_after_s=60.0, escalate_to=["boss"])
    world.minute = 23 * 60

    over, _ = world.begins(), world.begins()
    at_night = world.passes(GATHER_S)
    world.ends(over)
    at_night += world.passes(3_600)
    world.minute = 7 * 60

    in_the_morning = world.passes(QUIET_LOOK_S)
    assert at_night == []
    assert in_the_morning == [("phone", ["2"], [], []), ("boss", [], [], ["2"])]


def test_what_nobody_acknowledges_is_told_to_others_once() -> None:
    world = World(escalate_after_s=600.0, escalate_to=["boss"])

    world.begins()
    acknowledged = world.begins()
    world.passes(GATHER_S)
    world.teller.acknowledge(acknowledged)

    assert world.passes(600) == [("boss", [], [], ["1"])]
    assert world.passes(6_000) == []


def test_quiet_hours_may_contain_midnight() -> None:
    hours = {hour for hour in range(24) if NIGHT.has(hour * 60)}

    assert hours == {22, 23, 0, 1, 2, 3, 4, 5, 6}
