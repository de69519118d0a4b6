"""The rules of a running gateway: feeds the engine from the event bus, runs what is due, and keeps the outcome."""

from __future__ import annotations

import asyncio
import datetime
import logging
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from darvaz.gateway.alerts.engine import Engine
from darvaz.gateway.alerts.states import exhaust
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.rules.records import (
    RULES_MAX,
    RULES_TABLE,
    RUNS_KEPT_MAX,
    ActionRuleFields,
    Rule,
    Run,
    condition_of,
)
from darvaz.gateway.rules.records import sentence as sentence_of
from darvaz.gateway.schedules import Schedule
from darvaz.gateway.storage.kept_rows import Kept, new_id

log = logging.getLogger("darvaz.rules")

# The wall clock is looked at this often, since it may be set.
LOOK_EVERY_S = 30.0
# What was due is run late by this much at most, without being called missed.
LATE_S = 60.0
RUNNING_MAX = 64
# Of one rule: a value that goes back and forth sends no flood of commands.
RUNS_PER_MINUTE_MAX = 20
_CLOSE_DEADLINE_S = 1.0

Cause = Literal["condition", "time", "by_hand", "missed"]
Record = Callable[[str | None, str, str], None]


class TooManyActionRulesError(Exception):
    """There are as many rules as a gateway may have."""


class Rules:
    """The rules. Used from the event loop only.

    `devices` returns the id of each known device, `state_of` its groups and whether it has a link. `act` does what a
    rule says, and returns whether it went well and what to tell of it. `zone` is that of times of day.
    """

    def __init__(
        self,
        tables: sqlite3.Connection,
        bus: EventBus,
        record: Record,
        devices: Callable[[], Iterable[str]],
        state_of: Callable[[str], tuple[Collection[str], bool] | None],
        act: Callable[[Rule], Awaitable[tuple[bool, str]]],
        zone: Callable[[], datetime.tzinfo],
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        fold: Callable[[str], str] = str,
        long_work: LongWork | None = None,
    ) -> None:
        self._long_work = long_work or LongWork()
        self._kept = Kept(tables, RULES_TABLE, Rule)
        self._engine = Engine(fold)
        self._fold = fold
        self._bus = bus
        self._record = record
        self._devices = devices
        self._state_of = state_of
        self._act = act
        self._zone = zone
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self._rules: dict[str, Rule] = {}
        # When times of day are due, in Unix seconds, by rule.
        self._due: dict[str, float] = {}
        # Devices that have a link, for rules about one that begins.
        self._online: set[str] = set()
        # The minute, and how often each rule ran in it.
        self._minute, self._counts = 0, dict[str, int]()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looked_s = 0.0
        self._is_open = False
        # Whether reports of boards come from the bus.
        self._is_following = False

    # Start and stop

    def open(self, last_unix_s: float | None) -> None:
        """Takes up the rules; `last_unix_s` is until when the gateway ran before."""
        self._rules = self._kept.load()
        now_s, unix_s = self._monotonic_s(), self._unix_s()
        for device in self._devices():
            groups, is_online = self._state_of(device) or ((), False)
            self._engine.put_device(device, groups, is_online, now_s)
            if is_online:
                self._online.add(device)
        for rule in self._rules.values():
            exhaust(self._begin(rule))
            if last_unix_s is not None and self._is_timed(rule):
                due_s = schedule_of(rule).next_s(last_unix_s, self._zone())
                if due_s <= unix_s - LATE_S:
                    self._miss(rule, due_s)
        self._bus.subscribe_devices(self._on_presence, self._on_forgotten)
        self._looked_s, self._is_open = unix_s, True
        self._look()

    async def close(self) -> None:
        """Ends the rules; what they have begun ends, too."""
        if not self._is_open:
            return
        self._is_open = False
        self._follow(False)
        self._bus.unsubscribe_devices(self._on_presence, self._on_forgotten)
        if self._timer is not None:
            self._timer.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_CLOSE_DEADLINE_S)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    # Rules

    @property
    def all(self) -> Mapping[str, Rule]:
        """The rules by id, the oldest first."""
        return self._rules

    def next_s(self, rule_id: str) -> float | None:
        """Returns when a rule about a time of day is due next, in Unix seconds."""
        return self._due.get(rule_id)

    async def put(self, fields: ActionRuleFields, rule_id: str | None = None) -> Rule:
        """Adds a rule, or replaces one, which keeps its runs, and returns it once all boards are watched.

        Raises `TooManyActionRulesError`.
        """
        if rule_id is None and len(self._rules) >= RULES_MAX:
            raise TooManyActionRulesError(f"there are {RULES_MAX} rules already: remove some, or use rules for groups")
        values = {name: getattr(fields, name) for name in ActionRuleFields.__struct_fields__}
        before = self._rules.get(rule_id or "")
        rule = Rule(id=rule_id or new_id(), runs=before.runs if before else [], **values)
        self._keep(rule)
        await self._long_work.collect(self._begin(rule))
        self._look()
        return rule

    async def remove(self, rule_id: str) -> bool:
        """Removes a rule; returns whether there was one."""
        if self._rules.pop(rule_id, None) is None:
            return False
        ended = self._engine.remove_by_device(rule_id, self._monotonic_s())
        self._follow(bool(self._engine.rules))
        self._due.pop(rule_id, None)
        self._kept.remove([rule_id])
        await self._long_work.collect(ended)
        return True

    async def run_now(self, rule_id: str) -> Run:
        """Does what a rule says, whatever the time and the values are; returns what became of it."""
        return await self._run(self._rules[rule_id], "by_hand", None)

    def _begin(self, rule: Rule) -> Iterator[str]:
        """Takes up a rule, which replaces that of its id; each step of what it returns has one more board watched."""
        now_s = self._monotonic_s()
        self._due.pop(rule.id, None)
        condition = condition_of(rule)
        if condition is not None:
            watched = self._engine.put_by_device(condition, now_s)
        else:
            watched = self._engine.remove_by_device(rule.id, now_s)
            if self._is_timed(rule):
                self._due[rule.id] = schedule_of(rule).next_s(self._unix_s(), self._zone())
        self._follow(bool(self._engine.rules))
        return watched

    def _follow(self, is_followed: bool) -> None:
        """Takes reports from the bus, or takes none: without a condition, each would cost for nothing."""
        if is_followed is not self._is_following:
            self._is_following = is_followed
            change = self._bus.subscribe_everywhere if is_followed else self._bus.unsubscribe
            change(("telemetry",), self._on_message)

    @staticmethod
    def _is_timed(rule: Rule) -> bool:
        return rule.is_on and rule.when == "time"

    def _keep(self, rule: Rule) -> None:
        self._rules[rule.id] = rule
        self._kept.put({rule.id: rule})

    # Called by the bus

    def _on_message(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        if device is not None:
            if self._engine.watches(device, message.values):
                now_s = self._monotonic_s()
                at_s = now_s + happened_s - self._unix_s()
                self._engine.receive(device, message.values, min(at_s, now_s))
            if self._engine.has_changes or self._engine.due_s < math.inf:
                self._look_soon()

    def _on_presence(self, device: str) -> None:
        found = self._state_of(device)
        if found is None:
            return
        groups, is_online = found
        self._engine.put_device(device, groups, is_online, self._monotonic_s())
        if is_online and device not in self._online:
            self._online.add(device)
            for rule in [rule for rule in self._rules.values() if self._is_about_link(rule, device, groups)]:
                self._start(rule, "condition", device)
        elif not is_online:
            self._online.discard(device)
        self._look_soon()

    def _is_about_link(self, rule: Rule, device: str, groups: Collection[str]) -> bool:
        if not rule.is_on or rule.when != "online":
            return False
        if rule.device is not None:
            return rule.device == device
        return rule.group is None or self._fold(rule.group) in groups

    def _on_forgotten(self, device: str) -> None:
        self._engine.forget_device(device, self._monotonic_s())
        self._online.discard(device)

    # The timer

    def _look_soon(self) -> None:
        if not self._engine.has_changes and self._engine.due_s == math.inf:
            return
        self._arm(0.0 if self._engine.has_changes else self._engine.due_s - self._monotonic_s())

    def _arm(self, delay_s: float) -> None:
        if not self._is_open:
            return
        loop = asyncio.get_running_loop()
        due_s = loop.time() + max(0.0, delay_s)
        if self._timer is not None and self._timer.when() <= due_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self._look()
        except sqlite3.Error as error:
            log.error("= rules cannot be kept: %s", error)
            self._arm(LOOK_EVERY_S)

    def _look(self) -> None:
        """Runs what is due, and waits for what comes next."""
        now_s, unix_s = self._monotonic_s(), self._unix_s()
        if unix_s < self._looked_s - LATE_S:
            # The clock was set back: times of day are those of the clock now.
            for rule in self._rules.values():
                if rule.id in self._due:
                    self._due[rule.id] = schedule_of(rule).next_s(unix_s, self._zone())
        self._looked_s = unix_s
        for rule_id in [rule_id for rule_id, due_s in self._due.items() if due_s <= unix_s]:
            self._come_due(self._rules[rule_id], unix_s)
        self._engine.tick(now_s)
        for change in self._engine.take_changes():
            # What came true of a rule as it was before somebody changed it is none of the new one.
            if change.is_active and self._engine.rules.get(change.rule.id) is change.rule:
                self._start(self._rules[change.rule.id], "condition", change.device)
        waits_s = [self._engine.due_s - now_s, *(due_s - unix_s for due_s in self._due.values())]
        self._arm(max(0.02, min(LOOK_EVERY_S if self._due else math.inf, *waits_s)) if waits_s else math.inf)

    def _come_due(self, rule: Rule, unix_s: float) -> None:
        due_s = self._due[rule.id]
        self._due[rule.id] = schedule_of(rule).next_s(max(due_s, unix_s - LATE_S), self._zone())
        if unix_s - due_s > LATE_S:
            self._miss(rule, due_s)
        else:
            self._start(rule, "time", None)

    def _miss(self, rule: Rule, due_s: float) -> None:
        then = datetime.datetime.fromtimestamp(due_s, self._zone()).strftime("%Y-%m-%d %H:%M")
        is_run = rule.missed == "run"
        text = f"it was due at {then}, when the gateway did not run; {'it runs now' if is_run else 'it is left out'}"
        self._record(None, "rule missed", f"{_name(rule)}: {text}")
        if is_run:
            self._start(rule, "missed", None)
        else:
            self._note(rule, Run(time=self._unix_s(), cause="missed", is_ok=False, detail=text))

    # Runs

    def _start(self, rule: Rule, cause: Cause, device: str | None) -> None:
        minute = int(self._monotonic_s() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        count = self._counts[rule.id] = self._counts.get(rule.id, 0) + 1
        if count > RUNS_PER_MINUTE_MAX or len(self._running) >= RUNNING_MAX:
            if count == RUNS_PER_MINUTE_MAX + 1:
                self._record(device, "rule left out", f"{_name(rule)}: it came true too often in this minute")
            return
        task = asyncio.ensure_future(self._run_safely(rule, cause, device))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_safely(self, rule: Rule, cause: Cause, device: str | None) -> None:
        try:
            await self._run(rule, cause, device)
        except sqlite3.Error as error:
            log.error("= the run of a rule cannot be kept: %s", error)

    async def _run(self, rule: Rule, cause: Cause, device: str | None) -> Run:
        self._record(device, "rule", f"{_name(rule)}: {sentence_of(rule)} ({cause.replace('_', ' ')})")
        is_ok, detail = await self._act(rule)
        if not is_ok:
            self._record(rule.to_device or device, "rule failed", f"{_name(rule)}: {detail}"[:500])
        run = Run(time=self._unix_s(), cause=cause, device=device, is_ok=is_ok, detail=detail[:256])
        self._note(rule, run)
        return run

    def _note(self, rule: Rule, run: Run) -> None:
        known = self._rules.get(rule.id)
        if known is not None:
            self._keep(msgspec.structs.replace(known, runs=[run, *known.runs][:RUNS_KEPT_MAX]))


def schedule_of(rule: Rule) -> Schedule:
    """Returns the schedule of a rule about a time of day."""
    return Schedule.parse(rule.at, ",".join(rule.days), 0.0)


def _name(rule: Rule) -> str:
    return rule.title or rule.id
