"""Boards, their numbers, the record log and both databases against a model, in any order of what may happen.

The model: what was confirmed is in the journal once, and in the history once if it is a report; nothing is twice; what
is missing is counted where it is missing; each has the time it happened. `DARVAZ_MODEL_SEQUENCES=100000` plays that
many sequences at random instead of the few that fit into a test run.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darvaz.gateway.journal.queries import JournalFilter, Row, matching
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.telemetry.blocks import unpack
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support.examples import examples
from tests.support.numbering_board import STARTED_S, WRAP_MS
from tests.support.record_world import STEPS, TRANSIT_S_MAX, Life, Template, World

SEQUENCES = int(os.environ.get("DARVAZ_MODEL_SEQUENCES", "0"))
FIRST_UPTIMES_MS = (0, WRAP_MS - 30_000, WRAP_MS // 2 - 500)
# In the long form, this many boards share a gateway, since starting one takes most of the time: a sequence for each.
BOARDS, STEPS_MAX = 10, 600
# Crystals: the model's board is 200 ppm fast, and the gateway allows for 500.
DRIFT_MAX = 1e-3
# More often than the others, so that there is something to lose.
NAMES = [*STEPS, *["say", "send", "ping"] * 3]

Step = tuple[str, int]


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    # In memory: a disk would take most of the time, and what survives a power cut is another test's.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Template(Path(folder) / "template")


def journalled(folder: Path) -> list[Row]:
    with closing(open_database(folder)) as connection:
        return list(matching(connection, JournalFilter()))


def in_history(folder: Path) -> dict[str, list[tuple[float, int]]]:
    """Returns the time of each reading of each board, and its value, which is the identity of its message."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    with closing(open_history(folder)) as connection:
        blocks = connection.execute("SELECT device, block FROM readings JOIN series ON series.id = series").fetchall()
    for device, block in blocks:
        found[device] += [(time_ms / 1000, int(value)) for time_ms, value in zip(*unpack(block), strict=True)]
    return found


def identity_of(row: Row) -> int:
    fields = json.loads(row.payload)
    return int(fields["values"]["n"] if row.type == "telemetry" else fields["message"])


def wrong_gaps(rows: list[Row]) -> list[Row]:
    """Returns the entries before which something is missing that is not counted, or counted and not missing."""
    found, counted = [], 0
    following: Counter[int] = Counter()
    for row in rows:
        if row.type == "gap":
            counted = int(row.payload.split()[0])
            continue
        boot, number = divmod(identity_of(row), 100_000)
        if max(0, number - following[boot]) != counted:
            found.append(row)
        following[boot], counted = max(following[boot], number + 1), 0
    return found


def is_near(time_s: float, times_s: list[float], waited_s: float) -> bool:
    return any(abs(time_s - true_s) <= TRANSIT_S_MAX + 0.01 + waited_s * DRIFT_MAX for true_s in times_s)


def check(steps: list[Step], first_uptimes_ms: Sequence[int], template: Template) -> None:
    """Plays steps in a folder of their own, and compares what is recorded with the model."""
    folder = template.folder.parent / "played"
    template.copy(folder)
    try:
        world = World(folder, first_uptimes_ms)
        for step, argument in steps:
            world.play(step, argument)
        world.end()
        rows, readings = journalled(folder), in_history(folder)
    finally:
        shutil.rmtree(folder)
    for life in world.lives:
        device = life.board.device
        check_life(life, [row for row in rows if row.device == device], readings[device])


def check_life(life: Life, rows: list[Row], readings: list[tuple[float, int]]) -> None:
    """Compares what is recorded of one board with what it sent."""
    messages = [row for row in rows if row.type in ("telemetry", "log")]
    journal, history = Counter(map(identity_of, messages)), Counter(value for _, value in readings)
    reports = {sent.identity for sent in life.board.all if sent.type == "telemetry"}
    ran_s = life.clocks.monotonic_s - STARTED_S

    assert [identity for identity, count in (journal | history).items() if count > 1] == []
    assert life.confirmed - set(journal) == set()
    assert life.confirmed & reports - set(history) == set()
    assert set(journal) | set(history) <= {sent.identity for sent in life.board.all}
    assert wrong_gaps(rows) == []
    assert [row for row in messages if not is_near(row.happened_ms / 1000, life.times_s[identity_of(row)], ran_s)] == []
    assert [reading for reading in readings if not is_near(reading[0], life.times_s[reading[1]], ran_s)] == []
    assert [row for row in rows if row.happened_ms > row.time_ms] == []


@examples(20)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 19)), max_size=50),
    st.tuples(*[st.sampled_from(FIRST_UPTIMES_MS)] * 2),
)
@example([("say", 5), ("wait", 7), ("cut", 0), ("send", 9)], (WRAP_MS - 30_000, 0))
def test_everything_is_recorded_once_at_its_time_in_any_order(
    template: Template, steps: list[Step], first_uptimes_ms: tuple[int, ...]
) -> None:
    check(steps, first_uptimes_ms, template)


@pytest.mark.skipif(not SEQUENCES, reason="DARVAZ_MODEL_SEQUENCES says how many")
def test_many_sequences_are_recorded_as_the_model_says(template: Template) -> None:
    seed = int(os.environ.get("DARVAZ_MODEL_SEED", "1"))
    for number in range(seed, seed + SEQUENCES, BOARDS):
        chance = random.Random(number)
        steps = [(chance.choice(NAMES), chance.randrange(10 * BOARDS)) for _ in range(chance.randrange(STEPS_MAX))]
        try:
            check(steps, [chance.choice(FIRST_UPTIMES_MS) for _ in range(BOARDS)], template)
        except AssertionError as error:
            raise AssertionError(f"sequences {number}: {steps}") from error
