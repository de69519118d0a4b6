"""Events of a process that runs tests: in order, few messages, and none too late."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import pytest

from tests.support.event_batches import LEFT_MIN, SEVERAL, EventBatches, one_by_one

DEADLINE_S = 30.0


class World:
    """A process and its controller, with as many tests left as a test says."""

    def __init__(self, folder: Path, is_verbose: bool = False) -> None:
        self.file = folder / "events"
        self.left = LEFT_MIN
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.batches = EventBatches(self.messages.put, lambda: self.left, self.file, is_verbose)

    def run(self, name: str, outcome: str = "passed") -> None:
        """Sends what a test makes a process send."""
        self.batches.send(("logstart", {"nodeid": name}))
        for when in ("setup", "call", "teardown"):
            data = {"nodeid": name, "when": when, "outcome": outcome if when == "call" else "passed", "duration": 0.001}
            self.batches.send(("testreport", {"data": data}))
        self.batches.send(("logfinish", {"nodeid": name}))
        self.batches.send(("runtest_protocol_complete", {"nodeid": name}))

    def received(self, messages: int) -> list[str]:
        """Returns the events of a number of messages, which are all there are."""
        events: list[Any] = []
        process = one_by_one(events.append, self.file)
        for _ in range(messages):
            process(self.messages.get(timeout=DEADLINE_S))
        assert self.messages.empty()
        return named(events)


def named(events: list[Any]) -> list[str]:
    return [f"{name} {values.get('data', values).get('nodeid')}" for name, values in events]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which nothing is told late."""
    monkeypatch.setattr("tests.support.event_batches.WAIT_S", 3600.0)
    return World(tmp_path)


EVENTS = ["testreport {}", "logfinish {}", "runtest_protocol_complete {}"]


def test_what_passes_is_told_when_few_tests_are_left(world: World) -> None:
    world.run("a")
    world.run("b")
    before = world.messages.qsize()
    world.left -= 1
    world.run("c")

    assert before == 0
    assert world.received(1) == [event.format(name) for name in "abc" for event in EVENTS]


def test_what_fails_is_told_at_once(world: World) -> None:
    world.run("a")
    world.run("b", "failed")

    assert world.received(1) == [*(event.format("a") for event in EVENTS), "testreport b"]


def test_what_passes_is_told_soon_though_the_next_test_takes_long(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run("a")
    first = world.messages.get(timeout=DEADLINE_S)

    assert first[0] == SEVERAL


def test_the_end_of_a_process_is_told_behind_all_that_it_did(world: World) -> None:
    world.run("a")
    world.batches.send(("workerfinished", {"workeroutput": {}}))

    assert world.received(1) == [*(event.format("a") for event in EVENTS), "workerfinished None"]


def test_which_test_begins_is_told_where_it_is_shown(tmp_path: Path) -> None:
    world = World(tmp_path, is_verbose=True)
    world.left = 0
    world.run("a")

    assert world.received(1)[0] == "logstart a"


def test_what_a_process_did_before_it_broke_off_is_found_in_the_file(world: World) -> None:
    world.left = 0
    world.run("a")
    world.left = LEFT_MIN
    world.run("b")
    events: list[Any] = []
    process = one_by_one(events.append, world.file)
    process(world.messages.get(timeout=DEADLINE_S))
    process("the end")

    assert named(events[:-1]) == [event.format(name) for name in "ab" for event in EVENTS]
    assert events[-1] == "the end"


def test_an_event_that_came_alone_is_processed_as_it_is(tmp_path: Path) -> None:
    events: list[object] = []
    process = one_by_one(events.append, tmp_path / "none")
    process(("workerready", {}))
    process("the end")

    assert events == [("workerready", {}), "the end"]
