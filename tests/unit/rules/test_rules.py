"""Rules by a clock that the test turns: times of day, what was missed, conditions, and floods."""

from __future__ import annotations

import asyncio
import datetime
import sqlite3
from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.rules.records import RULES_MAX, ActionRuleFields, Rule, find_fault, sentence
from darvaz.gateway.rules.service import LOOK_EVERY_S, RUNS_PER_MINUTE_MAX, Rules, TooManyActionRulesError

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = ActionRuleFields(when="time", at="07:00", command="on", to_device="lamp")
COLD = ActionRuleFields(when="below", device="shed", value="t", threshold=5, for_s=60, command="on", to_device="heater")


class House:
    """The rules of a house with one clock, and what they did."""

    def __init__(self, at: str) -> None:
        self.unix_s = datetime.datetime.fromisoformat(at).replace(tzinfo=BERLIN).timestamp()
        self.now_s = 1_000.0
        self.tables = sqlite3.connect(":memory:", isolation_level=None)
        self.tables.execute("CREATE TABLE rules (id TEXT PRIMARY KEY, number INTEGER, data TEXT)")
        self.online: dict[str, bool] = {"shed": True, "heater": True}
        self.acted: list[tuple[str, str]] = []
        self.journal: list[tuple[str, str]] = []
        self.outcome = (True, "")
        self.rules = self.started()

    def started(self) -> Rules:
        """Returns the rules after a start of the gateway."""
        return Rules(
            self.tables, EventBus(), lambda device, type_, text: self.journal.append((type_, text)),
            lambda: self.online, self._state_of, self._act, lambda: BERLIN, lambda: self.unix_s, lambda: self.now_s,
        )  # fmt: skip

    def _state_of(self, device: str) -> tuple[Collection[str], bool]:
        return (), self.online[device]

    async def _act(self, rule: Rule) -> tuple[bool, str]:
        at = datetime.datetime.fromtimestamp(self.unix_s, BERLIN).strftime("%d. %H:%M %Z")
        self.acted.append((rule.command or "", at))
        return self.outcome

    async def passes(self, minutes: float) -> None:
        """Turns the clock on, in steps in which the rules look."""
        for _ in range(round(minutes * 60 / LOOK_EVERY_S)):
            self.unix_s += LOOK_EVERY_S
            self.now_s += LOOK_EVERY_S
            await self.looks()

    async def looks(self) -> None:
        self.rules._look()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def reads(self, value: float) -> None:
        self.rules._on_message("telemetry", "shed", _Values({"t": value}), self.unix_s)


class _Values:
    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


async def test_a_time_of_day_is_kept_over_both_changes_of_the_clock() -> None:
    spring, autumn = House("2026-03-28 12:00"), House("2026-10-24 12:00")
    for house in (spring, autumn):
        house.rules.open(None)
        await house.rules.put(ActionRuleFields(when="time", at="02:30", command="on", to_device="lamp"))
        await house.passes(minutes=48 * 60)
        await house.rules.close()

    # A day without this time has it an hour later; one that has it twice runs it once.
    assert [at for _, at in spring.acted] == ["29. 03:30 CEST", "30. 02:30 CEST"]
    assert [at for _, at in autumn.acted] == ["25. 02:30 CEST", "26. 02:30 CET"]


@pytest.mark.parametrize(("missed", "runs"), [("skip", []), ("run", ["on"])])
async def test_what_was_due_while_the_gateway_was_off_is_told_and_run_as_declared(missed: Any, runs: list[str]) -> None:
    house = House("2026-05-01 06:00")
    house.rules.open(None)
    made = await house.rules.put(
        ActionRuleFields(when="time", at="07:00", command="on", to_device="lamp", missed=missed)
    )
    await house.rules.close()
    stopped_s = house.unix_s
    house.unix_s += 3 * 3_600

    house.rules = house.started()
    house.rules.open(stopped_s)
    await house.looks()
    await house.rules.close()

    assert [command for command, _ in house.acted] == runs
    assert house.journal[0][0] == "rule missed"
    assert "2026-05-01 07:00" in house.journal[0][1]
    assert house.rules.all[made.id].runs[0].cause == "missed"
    assert house.rules.next_s(made.id) == stopped_s + 25 * 3_600


async def test_a_condition_runs_once_it_was_so_for_its_time_and_again_after_it_was_otherwise() -> None:
    house = House("2026-05-01 12:00")
    house.rules.open(None)
    made = await house.rules.put(COLD)
    house.reads(4)
    await house.passes(minutes=0.5)
    assert house.acted == []

    house.outcome = (False, "heater is offline")
    await house.passes(minutes=1)
    house.reads(3)
    await house.passes(minutes=5)
    assert len(house.acted) == 1
    house.reads(6)
    house.reads(4)
    await house.passes(minutes=2)
    await house.rules.close()

    assert len(house.acted) == 2
    (last, first) = house.rules.all[made.id].runs
    assert (first.cause, first.device, first.is_ok, first.detail) == ("condition", "shed", False, "heater is offline")
    assert last.time > first.time
    assert [type_ for type_, _ in house.journal] == ["rule", "rule failed"] * 2


async def test_a_value_that_goes_back_and_forth_sends_no_flood() -> None:
    house = House("2026-05-01 12:00")
    house.rules.open(None)
    await house.rules.put(
        ActionRuleFields(when="below", device="shed", value="t", threshold=5, command="on", to_device="heater")
    )
    for _ in range(RUNS_PER_MINUTE_MAX + 5):
        for value in (4, 6):
            house.reads(value)
            await house.looks()
    await house.rules.close()

    assert len(house.acted) == RUNS_PER_MINUTE_MAX
    assert [type_ for type_, _ in house.journal].count("rule left out") == 1


async def test_a_link_that_begins_is_a_condition_too() -> None:
    house = House("2026-05-01 12:00")
    house.online["shed"] = False
    house.rules.open(None)
    await house.rules.put(ActionRuleFields(when="online", device="shed", command="on", to_device="x"))

    for is_online in (False, True, True, False, True):
        house.online["shed"] = is_online
        house.rules._on_presence("shed")
        await house.looks()
    await house.rules.close()

    assert len(house.acted) == 2


async def test_a_rule_that_is_off_waits_and_too_many_are_refused() -> None:
    house = House("2026-05-01 06:59")
    house.rules.open(None)
    off = await house.rules.put(ActionRuleFields(when="time", at="07:00", command="on", to_device="lamp", is_on=False))
    await house.passes(minutes=5)
    run = await house.rules.run_now(off.id)
    for _ in range(RULES_MAX - 1):
        await house.rules.put(MORNING)
    with pytest.raises(TooManyActionRulesError, match="remove some"):
        await house.rules.put(MORNING)
    await house.rules.close()

    assert (house.rules.next_s(off.id), run.cause, len(house.acted)) == (None, "by_hand", 1)


def test_what_a_rule_lacks_is_named() -> None:
    faults = {
        find_fault(fields)
        for fields in (
            ActionRuleFields(when="below", value="t", threshold="x", message="cold"),
            ActionRuleFields(when="time", message="late"),
            ActionRuleFields(when="offline"),
            ActionRuleFields(when="offline", command="on"),
            ActionRuleFields(when="is", value="t", message="so"),
            ActionRuleFields(when="above", threshold=1, message="so"),
            ActionRuleFields(when="offline", device="a", group="b", message="so"),
        )
    }

    assert len(faults) == 7
    assert None not in faults
    assert find_fault(COLD) is None
    assert sentence(COLD) == "shed: t below 5 for 1 min → heater: on"
    assert sentence(MORNING) == "07:00 on every day → lamp: on"
