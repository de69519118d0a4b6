"""Compares what is recorded with the model of what must be, for any sequence of steps; plays many at random.

    python -m tests.support.record_model --sequences 1000000 --seed 1

The model: what was confirmed is in the journal once, and in the history once if it is a report; nothing is twice; what
is missing is counted where it is missing; each has the time it happened. A difference is printed with the fewest steps
that show it, for a test.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from darvaz.gateway.journal.queries import JournalFilter, Row, matching
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.telemetry.blocks import unpack
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support.numbering_board import STARTED_S, WRAP_MS
from tests.support.record_world import OF_A_BOARD, STEPS, TRANSIT_S_MAX, Life, Template, World

FIRST_UPTIMES_MS = (0, WRAP_MS - 30_000, WRAP_MS // 2 - 500)
# Crystals: the model's board is 200 ppm fast, and the gateway allows for 500.
DRIFT_MAX = 1e-3
# More often than the others, so that there is something to lose.
NAMES = [*STEPS, *["say", "send", "ping"] * 3]
# This many boards share a gateway, since starting one takes most of the time: a sequence for each. So steps of a board
# are more frequent among them than those that all boards feel.
BOARDS, STEPS_MAX = 60, 2400
_NAMES_OF_MANY = [*STEPS, *[name for name in NAMES if name in OF_A_BOARD] * 4]
# Tries to find fewer steps that show a difference.
_SHRINK_TRIES_MAX = 400
_TELL_EVERY_S = 60.0

Step = tuple[str, int]


def main() -> int:
    """Plays as many sequences as wanted, says what differs, and returns 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first sequence; runs with other seeds are others")
    wanted = parser.parse_args()
    differences, played, told_s = 0, 0, time.monotonic()
    with template_in_memory() as template:
        while played < wanted.sequences:
            seed = wanted.seed + played
            differences += not _plays_well(seed, template)
            played += BOARDS
            if time.monotonic() >= told_s + _TELL_EVERY_S or played >= wanted.sequences:
                told_s, rate = time.monotonic(), played / time.process_time()
                line = f"{played} sequences from {wanted.seed}: {differences} differ; {rate:.0f} per CPU-second"
                print(line, flush=True)
    return 1 if differences else 0


def sequences_of(seed: int) -> tuple[list[Step], list[int]]:
    """Returns the steps of `BOARDS` sequences at random, and the uptime of each board at its start."""
    chance = random.Random(seed)
    count = chance.randrange(STEPS_MAX)
    steps = [(chance.choice(_NAMES_OF_MANY), chance.randrange(10 * BOARDS)) for _ in range(count)]
    return steps, [chance.choice(FIRST_UPTIMES_MS) for _ in range(BOARDS)]


def shrunk(steps: list[Step], first_uptimes_ms: Sequence[int], template: Template) -> list[Step]:
    """Returns as few of the steps as still differ from the model, found by leaving out ever smaller parts."""
    size, tries = len(steps) // 2, 0
    while size and tries < _SHRINK_TRIES_MAX:
        for start in range(0, len(steps), size):
            fewer, tries = steps[:start] + steps[start + size :], tries + 1
            if difference(fewer, first_uptimes_ms, template) is not None:
                steps = fewer
                break
        else:
            size //= 2
    return steps


def difference(steps: list[Step], first_uptimes_ms: Sequence[int], template: Template) -> Exception | None:
    """Returns what differs, or what the gateway raised; None if all is as the model says."""
    try:
        check(steps, first_uptimes_ms, template)
    except (AssertionError, LookupError, TypeError, ValueError, OSError, sqlite3.Error) as error:
        return error
    return None


def _plays_well(seed: int, template: Template) -> bool:
    steps, uptimes_ms = sequences_of(seed)
    error = difference(steps, uptimes_ms, template)
    if error is not None:
        traceback.print_exception(error)
        print(f"seed {seed}: {shrunk(steps, uptimes_ms, template)}, {uptimes_ms}", flush=True)
    return error is None


@contextmanager
def template_in_memory() -> Iterator[Template]:
    """Lends a template in memory: a disk would take most of the time; power cuts are another test's."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Template(Path(folder) / "template")


def journalled(folder: Path) -> list[Row]:
    """Returns all entries of the journal."""
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
    """Returns the identity of the message of an entry."""
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
    """Whether a time is one of those that a message may have."""
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


if __name__ == "__main__":
    sys.exit(main())
