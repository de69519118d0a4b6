"""The alerts of a running gateway: feeds the engine from the event bus, keeps what it says, and tells people."""

from __future__ import annotations

import asyncio
import logging
import math
import shutil
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from darvaz.gateway.alerts.alert_changes import AlertChanges, Record
from darvaz.gateway.alerts.book import AlertBook
from darvaz.gateway.alerts.engine import Engine
from darvaz.gateway.alerts.messages import Messages
from darvaz.gateway.alerts.records import ACTIVE_MAX, RULES_TABLE, WAITING_TABLE, Alert, Waiting
from darvaz.gateway.alerts.rules import DISK_FREE, GATEWAY, RULES_MAX, AlertRule, RuleFields
from darvaz.gateway.alerts.states import Key
from darvaz.gateway.alerts.telling import Teller
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.storage.kept_rows import Kept, new_id

log = logging.getLogger("darvaz.alerts")

DISK_EVERY_S = 30.0
WAITING_EVERY_S = 60.0
_AGAIN_S = 0.05

# How a board is, is in its pongs; rules can be about it as about its values.
_TYPES = ("telemetry", "pong")
_CRASH = "crash"
_HEALTH_NAMES = ("rssi_dbm", "heap_free_bytes")


class TooManyRulesError(Exception):
    """There are as many rules as a gateway may have."""


class Alerts:
    """Rules, alerts and channels. Used from the event loop only.

    `devices` returns the id of each known device, `state_of` its groups and whether it has a link, `readings` its
    newest values with their Unix seconds, and `name_of` what people call it. `fold` is that of the names of groups.
    """

    def __init__(
        self,
        tables: sqlite3.Connection,
        bus: EventBus,
        record: Record,
        devices: Callable[[], Iterable[str]],
        state_of: Callable[[str], tuple[Collection[str], bool] | None],
        readings: Callable[[str], Mapping[str, tuple[Any, float]]],
        name_of: Callable[[str], str],
        folder: Path,
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        fold: Callable[[str], str] = str,
        long_work: LongWork | None = None,
    ) -> None:
        self._long_work = long_work or LongWork()
        self.engine = Engine(fold)
        self._bus = bus
        self._record = record
        self._devices = devices
        self._state_of = state_of
        self._readings = readings
        self._folder = folder
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self._kept_rules = Kept(tables, RULES_TABLE, AlertRule)
        self.book = AlertBook(tables)
        self._kept_waiting = Kept(tables, WAITING_TABLE, Waiting)
        self.messages = Messages(tables, name_of, record, unix_s, monotonic_s)
        self.messages.rule_of = self.engine.rules.get
        self._teller = Teller(self.engine.rules, lambda: self.messages.recipients.names, self._minute_of_day)
        self._changes = AlertChanges(self.book, self._teller, self.messages, record, bus, unix_s)
        # A look at what is due, which takes several turns of the event loop if it is of many boards.
        self._looking: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = math.inf
        self._disk_s = self._waiting_s = 0.0
        self._last_waiting: Waiting | None = None
        self._pruning: asyncio.Task[None] | None = None
        self._is_open = False
        # Whether values of boards come from the bus.
        self._is_following = False

    # Start and stop

    def open(self) -> None:
        """Takes up what was before, and begins to watch."""
        now_s = self._monotonic_s()
        for rule in self._kept_rules.load().values():
            self.engine.put_rule(rule, now_s)
        self.engine.put_device(GATEWAY, (), True, now_s)
        for device in self._devices():
            self.engine.put_device(device, *(self._state_of(device) or ((), False)), now_s)
            self.engine.know(device, dict.fromkeys(self._readings(device), (None, now_s)))
        self._restore(now_s)
        self.messages.open()
        self._is_open = True
        self._follow()
        self._bus.subscribe_everywhere((_CRASH,), self._on_crash)
        self._bus.subscribe_devices(self._on_presence, self._on_forgotten)
        self._disk_s, self._waiting_s = now_s, now_s + WAITING_EVERY_S
        self._schedule(0.0)

    async def close(self) -> None:
        """Ends the watch, and keeps what goes on after the next start."""
        if not self._is_open:
            return
        self._is_open = False
        self._follow()
        self._bus.unsubscribe((_CRASH,), self._on_crash)
        self._bus.unsubscribe_devices(self._on_presence, self._on_forgotten)
        if self._timer is not None:
            self._timer.cancel()
        for task in (self._looking, self._pruning):
            if task is not None:
                await asyncio.wait([task])
        self._keep_waiting(self._monotonic_s())
        await self.messages.close()

    # Rules

    @property
    def rules(self) -> list[AlertRule]:
        return list(self.engine.rules.values())

    async def put_rule(self, fields: RuleFields, rule_id: str | None = None) -> AlertRule:
        """Adds a rule, or replaces one, and returns it once all boards are watched; raises `TooManyRulesError`."""
        if rule_id is None and len(self.engine.rules) >= RULES_MAX:
            raise TooManyRulesError(f"there are {RULES_MAX} rules already: remove some, or use rules for groups")
        values = {name: getattr(fields, name) for name in RuleFields.__struct_fields__}
        rule = AlertRule(id=rule_id or new_id(), **values)
        self._kept_rules.put({rule.id: rule})
        now_s = self._monotonic_s()
        watched = self.engine.put_by_device(rule, now_s)
        self._follow()
        await self._long_work.collect(self._know(rule, watched))
        self._disk_s = now_s
        self._schedule(0.0)
        return rule

    def _know(self, rule: AlertRule, devices: Iterator[str]) -> Iterator[None]:
        """Has a rule look at the newest value of each device, which it watches from then on."""
        offset_s = self._unix_s() - self._monotonic_s()
        for device in devices:
            reading = self._readings(device).get(rule.value) if rule.value else None
            if rule.value and reading is not None:
                self.engine.know(device, {rule.value: (reading[0], reading[1] - offset_s)})
            yield

    async def remove_rule(self, rule_id: str) -> bool:
        """Removes a rule; returns whether there was one."""
        if rule_id not in self.engine.rules:
            return False
        ended = self.engine.remove_by_device(rule_id, self._monotonic_s())
        self._follow()
        self._kept_rules.remove([rule_id])
        await self._long_work.collect(ended)
        self._schedule(0.0)
        return True

    # Alerts

    @property
    def problems(self) -> list[str]:
        """Returns what keeps alerts from being seen or told, a sentence each."""
        found = [f"alerts cannot be told by {name}: {error}" for name, error in self.messages.errors.items()]
        if self.engine.unwatched:
            found.append("some alert rules are not watched: there are too many of them for all boards")
        return found

    def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        """Notes that somebody cares for an alert: nobody else is told. Returns it, or None if there is none."""
        found = self.book.find(alert_id)
        if found is None:
            return None
        key, alert = found
        if alert.acknowledged is None:
            alert.acknowledged, alert.acknowledged_by = self._unix_s(), by
            self._teller.acknowledge(alert)
            self.book.keep(alert)
            self._record(alert.device, "alert acknowledged", alert.what)
            self.engine.end(key, self._monotonic_s(), "acknowledged")
            self._bus.publish_alert(alert.device)
            self._schedule(0.0)
        return alert

    def prune_browsers(self) -> None:
        """Has the browsers told no more of those who may not see alerts any more; the next message asks as well."""
        if self._is_open and len(self.messages.browsers) and self._pruning is None:
            self._pruning = asyncio.ensure_future(self._prune())

    async def _prune(self) -> None:
        # What is revoked while it looks is found by the next look, or by the message.
        try:
            await self._long_work.collect(self.messages.prune_browsers())
        finally:
            self._pruning = None

    def occur(self, device: str, event: str) -> None:
        """Takes an event of the gateway about a device, one of `rules.EVENTS`."""
        self.engine.occur(device, event, self._monotonic_s())
        self._look_soon()

    # Called by the bus

    def _follow(self) -> None:
        """Takes values from the bus if any rule is about one: otherwise each report would cost for nothing."""
        is_followed = self._is_open and self.engine.has_rules_about_values
        if is_followed is not self._is_following:
            self._is_following = is_followed
            change = self._bus.subscribe_everywhere if is_followed else self._bus.unsubscribe
            change(_TYPES, self._on_message)

    def _on_message(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        if device is None:
            return
        values = message.values if type_ == "telemetry" else _health_of(message)
        if self.engine.watches(device, values):
            now_s = self._monotonic_s()
            at_s = now_s + happened_s - self._unix_s()
            self.engine.receive(device, values, at_s if at_s < now_s else now_s)
            self._look_soon()

    def _on_crash(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        if device is not None:
            self.occur(device, _CRASH)

    def _on_presence(self, device: str) -> None:
        found = self._state_of(device)
        if found is not None:
            self.engine.put_device(device, *found, self._monotonic_s())
            self._look_soon()

    def _on_forgotten(self, device: str) -> None:
        self.engine.forget_device(device, self._monotonic_s())
        self._look_soon()

    def _look_soon(self) -> None:
        if self.engine.has_changes:
            self._schedule(0.0)
        elif self.engine.due_s < self._timer_s:
            self._schedule(self.engine.due_s - self._monotonic_s())

    # The timer

    def _schedule(self, delay_s: float) -> None:
        if not self._is_open or self._looking is not None:
            return
        due_s = self._monotonic_s() + max(0.0, delay_s)
        if self._timer is not None and self._timer_s <= due_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = due_s
        self._timer = asyncio.get_running_loop().call_later(max(0.0, delay_s), self._advance)

    def _advance(self) -> None:
        self._timer, self._timer_s = None, math.inf
        self._looking = asyncio.ensure_future(self._look_at_due())

    async def _look_at_due(self) -> None:
        try:
            await self._long_work.collect(self._look(self._monotonic_s()))
        except sqlite3.Error as error:
            log.error("= alerts cannot be kept: %s", error)
        finally:
            self._looking = None
        if self.engine.has_changes:
            self._schedule(_AGAIN_S)
        due_s = min(self.engine.due_s, self._teller.due_s, self._disk_s, self._waiting_s)
        # Not at once again, whatever is due: other work waits too.
        self._schedule(max(_AGAIN_S, due_s - self._monotonic_s()))

    def _look(self, now_s: float) -> Iterator[None]:
        if now_s >= self._disk_s:
            self._disk_s = now_s + DISK_EVERY_S
            self._measure_disk(now_s)
        if now_s >= self._waiting_s:
            self._waiting_s = now_s + WAITING_EVERY_S
            self._keep_waiting(now_s)
        yield from self.engine.tick_by_watch(now_s)
        yield from self._changes.take(self.engine.take_changes(), now_s)
        yield from self._changes.tell(now_s)

    def _measure_disk(self, now_s: float) -> None:
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:
            return
        self.engine.receive(GATEWAY, {DISK_FREE: round(100.0 * usage.free / max(1, usage.total), 2)}, now_s)

    # Over a restart

    def _restore(self, now_s: float) -> None:
        unix_s = self._unix_s()

        def take_up(key: Key, alert: Alert) -> bool:
            since_s = now_s - max(0.0, unix_s - alert.since)
            is_there = self.engine.restore(key, is_active=True, since_s=since_s)
            if is_there:
                self._teller.begin(alert, now_s, max(0.0, unix_s - alert.began))
            return is_there

        self.book.load(unix_s, take_up)
        kept = self._kept_waiting.load().get("all")
        for rule_id, device, seconds in kept.conditions if kept is not None else ():
            if not self.engine.is_active((rule_id, device)):
                self.engine.restore((rule_id, device), is_active=False, since_s=now_s - seconds)

    def _keep_waiting(self, now_s: float) -> None:
        waiting = Waiting([(*key, round(seconds, 1)) for key, seconds in self.engine.waiting(now_s)][:ACTIVE_MAX])
        if waiting.conditions or (self._last_waiting is not None and self._last_waiting.conditions):
            self._kept_waiting.put({"all": waiting})
        self._last_waiting = waiting

    def _minute_of_day(self) -> int:
        local = time.localtime(self._unix_s())
        return local.tm_hour * 60 + local.tm_min


def _health_of(pong: Any) -> dict[str, Any]:
    found = {name: getattr(pong, name, msgspec.UNSET) for name in _HEALTH_NAMES}
    return {name: value for name, value in found.items() if value is not msgspec.UNSET}
