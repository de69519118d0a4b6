"""Crashes are counted by device and release, once each; a watchdog's by the start that follows it."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from darvaz.gateway.crashes.last_lines import LINES_MAX
from darvaz.gateway.crashes.store import GROUPS_MAX, NAMES_MAX, OTHERS, Crashes, CrashReport
from darvaz.gateway.events.bus import EventBus
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

PROTOCOL = MessageCodec()
TRACE = 'Traceback (most recent call last):\n  File "main.py", line 3, in water\nValueError: dry'


class World:
    """A gateway's crashes with boards that a test lets say something."""

    def __init__(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute("CREATE TABLE crashes (id TEXT PRIMARY KEY, last_s REAL NOT NULL, body TEXT NOT NULL)")
        self.bus = EventBus()
        self.now_s = 1000.0
        # By device: its last introduction, and whether its link is open.
        self.known: dict[str, tuple[dict[str, Any], bool]] = {}
        self.crashes = Crashes(connection, self.known.get, self.bus, lambda: self.now_s)
        self.found: list[tuple[str, str]] = []
        self.crashes.on_found = lambda device, boot_id, title: self.found.append((device, boot_id))

    def say(self, board: str, type_: str, **fields: Any) -> None:
        message = PROTOCOL.check(type_, fields)
        assert not isinstance(message, Fault), message
        self.bus.publish(type_, board, message, self.now_s)

    def start(
        self, device: str, boot_id: str, cause: str = "power_on", *, release: str = "", online: bool = True
    ) -> None:
        program = {"state": "good", "release": release}
        fields = {"device": device, "boot_id": boot_id, "reset_cause": cause, "program": program}
        self.say(device, "connect", **fields)
        self.known[device] = (fields, online)

    def crash(self, device: str, boot_id: str, reason: str = "exception", **fields: Any) -> None:
        self.say(device, "crash", reason=reason, boot_id=boot_id, traceback=TRACE, **fields)

    def counts(self) -> list[tuple[str, int]]:
        return [(group.reason, group.count) for group in self.crashes.all()]


@pytest.fixture
def world() -> World:
    return World()


def test_crashes_are_counted_by_device_and_release(world: World) -> None:
    for device, release in (("pump", "7"), ("well", "8")):
        world.start(device, "b1", release=release)
        world.start(device, "b2", "reset", release="9")
        world.crash(device, "b1", ran_ms=61000)
    world.start("pump", "b3", release="9")
    world.crash("pump", "b2")

    [group] = world.crashes.all()
    assert (group.count, group.devices, group.releases) == (3, {"pump": 2, "well": 1}, {"7": 1, "8": 1, "9": 1})
    assert group.title == "ValueError: dry in water"
    assert group.report.traceback == TRACE and group.report.reset_cause == "power_on"


def test_a_report_that_arrives_twice_is_counted_once(world: World) -> None:
    world.start("pump", "b1")
    world.start("pump", "b2")
    world.crash("pump", "b1")
    world.crash("pump", "b1")

    assert world.counts() == [("exception", 1)]


def test_the_last_lines_of_the_log_are_those_that_came_and_those_that_did_not(world: World) -> None:
    world.start("pump", "b1")
    for number in range(LINES_MAX + 5):
        world.say("pump", "log", message=f"line {number}\nmore")
    world.start("pump", "b2")
    world.crash("pump", "b1", log=[f"line {LINES_MAX + 4}", "the last"])

    [group] = world.crashes.all()
    assert len(group.report.log) == LINES_MAX
    assert group.report.log[-3:] == [f"line {LINES_MAX + 3}", f"line {LINES_MAX + 4}", "the last"]


def test_lines_of_another_start_are_not_told(world: World) -> None:
    world.start("pump", "b1")
    world.say("pump", "log", message="of the first start")
    world.start("pump", "b2")
    world.say("pump", "log", message="of the second start")
    world.start("pump", "b3", "watchdog")

    [group] = world.crashes.all()
    assert group.report.log == ["of the second start"]


def test_a_program_that_died_before_it_had_an_id_is_of_the_start_before(world: World) -> None:
    world.start("pump", "b1", release="7")
    world.start("pump", "b2", "reset", release="6")
    world.crash("pump", "", "start", release="7")

    [group] = world.crashes.all()
    assert (group.releases, group.report.reset_cause) == ({"7": 1}, "reset")


def test_a_watchdog_is_found_by_the_next_start(world: World) -> None:
    world.start("pump", "b1", release="7")
    world.say("pump", "log", message="opening the valve")
    world.start("pump", "b2", "watchdog")

    [group] = world.crashes.all()
    assert (group.reason, group.releases, world.found) == ("watchdog", {"7": 1}, [("pump", "b1")])
    assert group.report.log == ["opening the valve"]


@pytest.mark.parametrize(("is_open", "count"), [(True, 1), (False, 0)])
def test_a_reset_that_a_pico_cannot_name_counts_if_the_link_was_open(world: World, is_open: bool, count: int) -> None:
    world.start("pump", "b1", online=is_open)
    world.start("pump", "b2", "reset_or_watchdog")

    assert len(world.crashes.all()) == count


def test_what_is_no_crash_is_not_counted(world: World) -> None:
    world.start("pump", "b1", "watchdog")
    world.start("pump", "b1", "watchdog")
    world.start("pump", "b2", "power_on")
    world.start("pump", "b3", "reset")

    assert world.counts() == []


def test_a_program_that_died_and_then_starved_its_watchdog_is_counted_once(world: World) -> None:
    world.start("pump", "b1")
    world.say("pump", "log", message="opening the valve")
    world.start("pump", "b2", "watchdog")
    world.crash("pump", "b1")

    [group] = world.crashes.all()
    assert (group.reason, group.count, group.report.reset_cause) == ("exception", 1, "watchdog")
    assert group.report.log == ["opening the valve"]


def test_what_is_forgotten_is_the_first_again(world: World) -> None:
    world.start("pump", "b1")
    world.crash("pump", "b0")
    [group] = world.crashes.all()

    assert world.crashes.delete(group.id) and not world.crashes.delete(group.id)
    world.crash("pump", "b0")

    assert world.counts() == [("exception", 1)]


def test_nothing_of_a_forgotten_device_is_left(world: World) -> None:
    world.crash("pump", "b1")
    world.crash("well", "b1")
    world.say("pump", "crash", reason="start", boot_id="b2", traceback="MemoryError:")

    world.crashes.forget("pump")

    assert [group.devices for group in world.crashes.all()] == [{"well": 1}]


def test_the_newest_groups_are_kept(world: World) -> None:
    for number in range(GROUPS_MAX + 1):
        world.now_s += 1
        report = CrashReport(device="pump", time=world.now_s, traceback=f"E{number}: x", boot_id=f"b{number}")
        world.crashes.add("pump", "exception", report)

    titles = [group.title for group in world.crashes.all()]
    assert len(titles) == GROUPS_MAX and titles[-1] == "E1: x"


def test_more_devices_than_a_group_names_are_counted_together(world: World) -> None:
    for number in range(NAMES_MAX + 2):
        world.crash(f"pump-{number}", "b1")

    [group] = world.crashes.all()
    assert group.count == NAMES_MAX + 2 and group.devices[OTHERS] == 2
