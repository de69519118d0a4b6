"""A board, its numbers, the record log and both databases against a model, in any order of writes and kills.

The model: what was confirmed is in the journal once, and in the history once if it is a reading; nothing is twice.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.journal.batches import parse_rows
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.storage.taken import load_taken
from darvaz.gateway.telemetry.blocks import unpack
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support.examples import examples

STEPS = ("say", "say", "say", "sync", "journal", "history", "kill", "reconnect")


class Gateway:
    """The parts that record, without their threads: each step is one of their writes."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(lambda: open_database(folder), has_record_log=True)
        self.history = History(lambda: open_history(folder))
        self.recorder = Recorder(folder, [self.journal, self.history])
        self.journal.release = self.history.release = self.recorder.release
        self.recorder.open()
        self.journal.start_numbering()
        self.history.write_replayed()
        with closing(open_database(folder)) as connection:
            self.sequences = load_taken(connection)

    def receive(self, number: int) -> None:
        """Takes a message as a link does; an even number is a reading."""
        if self.sequences.take("pico", "b1", number) is not None:
            entry = ("<", "message", str(number))
            self.journal.extend(number, "pico", "pico", "", [entry], 1, ("pico", "b1", [number]))
        if number % 2 == 0:
            self.history.record("pico", 1_790_000_000 + number, {"n": number}, "b1", number)

    def kill(self) -> None:
        """Leaves only what is on the disk."""
        self.recorder._log.close()
        self.journal._disconnect()
        self.history._disconnect()

    def flush_history(self) -> None:
        self.history.flush_now()
        self.history.writer.write_once()


class World:
    """One board and one gateway after another in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gateway = Gateway(folder)
        self.next = self.confirmed = 0

    def play(self, step: str) -> None:
        if step == "say":
            self.gateway.receive(self.next)
            self.next += 1
        elif step == "sync":
            assert self.gateway.recorder.writer.write_once()
            self.confirmed = self.next
        elif step == "journal":
            assert self.gateway.journal.writer.write_once()
        elif step == "history":
            self.gateway.flush_history()
        else:
            if step == "kill":
                self.gateway.kill()
                self.gateway = Gateway(self.folder)
            for number in range(self.confirmed, self.next):
                self.gateway.receive(number)

    def recorded(self) -> tuple[Counter[int], Counter[int]]:
        """Ends all in order, and returns how often each number is in the journal and in the history."""
        self.play("sync")
        self.play("journal")
        self.play("history")
        self.gateway.kill()
        with closing(open_database(self.folder)) as connection:
            batches = connection.execute("SELECT moments FROM journal_batches").fetchall()
        with closing(open_history(self.folder)) as connection:
            blocks = connection.execute("SELECT block FROM readings").fetchall()
        journal = Counter(int(row[-1]) for (batch,) in batches for row in parse_rows(batch))
        return journal, Counter(int(value) for (block,) in blocks for value in unpack(block)[1])


@examples(15)
@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_everything_is_recorded_once_in_any_order_of_writes_and_kills(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for step in steps:
            world.play(step)
        # What the last kill took is sent again before the end.
        world.play("reconnect")
        journal, history = world.recorded()

    assert journal == Counter(range(world.next))
    assert history == Counter(range(0, world.next, 2))
