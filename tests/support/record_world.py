"""Boards, their links, a gateway's record and all their clocks, moved step by step: nothing happens by itself.

A board numbers what it says and keeps it until a pong confirms it. Time passes only in steps; the wall clock jumps,
a board's clock is fast and its counter starts again at 2³² ms. The parts of the gateway are the real ones, without
their threads: each step is one of their writes.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from darvaz.gateway.journal.batches import EntryBody
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.links.board_time import BoardTime
from darvaz.gateway.links.numbered import REPEATED, Numbered
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.storage.taken import load_taken
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_schema import open_history
from darvaz.gateway.telemetry.latest import Telemetry
from darvaz.protocol.codec import MessageCodec
from tests.support.databases import open_history_store, open_journal
from tests.support.numbering_board import Board, BoardMessage, Clocks

PROTOCOL = MessageCodec()
HOUR_S, DAY_S = 3600.0, 86_400.0
# A clock that jumps to ever new days brings days with data, which are all that retention can go by.
JUMPS_MAX = 4
JUMPS_S = (60 * DAY_S, -2 * HOUR_S, HOUR_S, -HOUR_S, 400 * DAY_S, -60 * DAY_S, 1.5, -0.5, 30 * DAY_S, -400 * DAY_S)
WAITS_S = (0.001, 0.02, 0.2, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 600.0)
TRANSIT_S_MAX = 0.1


class Gateway:
    """The parts that record."""

    def __init__(self, folder: Path, clocks: Clocks) -> None:
        self._clocks = clocks
        self.journal = Journal(
            lambda: open_journal(folder), has_record_log=True, unix_s=lambda: clocks.unix_s, retain_days=30
        )
        self.history = History(lambda: open_history_store(folder), unix_s=lambda: clocks.unix_s)
        self.recorder = Recorder(folder, [self.journal, self.history])
        self.journal.release = self.history.release = self.recorder.release
        self.recorder._loop = cast(Any, AtOnce())
        self.recorder.open()
        self.journal.start_numbering()
        self.history.write_replayed()
        with closing(open_database(folder)) as connection:
            self.sequences = load_taken(connection)
        self.telemetry = Telemetry(self.history, lambda: clocks.unix_s, lambda: clocks.monotonic_s)

    def kill(self) -> None:
        """Leaves only what is on the disk."""
        self.recorder._log.close()
        self.journal._disconnect()
        self.history._disconnect()

    def sync(self) -> None:
        assert self.recorder.writer.write_once()

    def flush_journal(self) -> None:
        assert self.journal.writer.write_once()

    def flush_history(self) -> None:
        self.history.flush_now()
        assert self.history.writer.write_once()

    def tidy(self) -> None:
        """Deletes what is too old, as the writers do every few minutes."""
        self.journal.retention._next_aging_s = 0.0
        self.journal._connect().tidy(self.journal.retention)
        self.history._connect()
        self.history.retain()


class AtOnce:
    """An event loop for the recorder: what it is told happens at once."""

    def call_soon_threadsafe(self, call: Callable[..., None], *arguments: object) -> None:
        call(*arguments)

    def call_later(self, delay_s: float, call: Callable[..., None]) -> None:
        """Does nothing: each sync is a step of its own."""


@dataclass
class Connection:
    """A WebSocket: the gateway's answers to pings, and what a board has written to it."""

    is_open: bool = True
    answer: Callable[[bytes], None] | None = None
    pongs: list[int] = field(default_factory=list)

    def answer_pings(self, answer: Callable[[bytes], None]) -> None:
        self.answer = answer

    def write(self, packet: bytes) -> None:
        if self.is_open:
            self.pongs.append(int(packet[2:]))


class Link:
    """One link: what the gateway knows by it, and which messages the board has written to it."""

    def __init__(self, gateway: Gateway, board: Board, clocks: Clocks) -> None:
        self._gateway, self._clocks, self._board = gateway, clocks, board
        self.connection = Connection()
        self._numbered = Numbered(gateway.sequences, gateway.recorder)
        self._board_time = BoardTime()
        self.written: list[BoardMessage] = []
        fields = {"type": "connect", "device": board.device, "boot_id": f"b{board.boot}", "uptime_ms": board.uptime_ms}
        connect: Any = PROTOCOL.parse(json.dumps(fields))
        clocks.monotonic_s += TRANSIT_S_MAX / 2
        self._board_time.begin(connect, clocks.monotonic_s)
        self._numbered.begin(connect)
        gateway.telemetry.receive("connect", board.device, connect, clocks.unix_s)

    def receive(self, sent: list[BoardMessage]) -> None:
        """Takes messages that came together, as the link of a device does."""
        packets: list[Any] = [one.text for one in sent]
        entries: list[EntryBody] = []
        reports: list[Any] = []
        for one, text in zip(sent, packets, strict=True):
            self.written.append(one)
            message: Any = PROTOCOL.parse(text)
            lost = self._numbered.take(message, cast(Any, self.connection), one.type != "telemetry")
            age_s = self._board_time.age_s(message, packets, self._clocks.monotonic_s)
            happened_s = self._clocks.unix_s - age_s
            if lost or one.type != "telemetry":
                self._publish(reports)
            if lost == REPEATED:
                if one.type == "telemetry":
                    self._gateway.telemetry.record(self._board.device, message, happened_s)
                continue
            if lost:
                entries.append(("=", "gap", f"{lost} messages of this board are missing"))
            entries.append(("<", one.type, text, int(age_s * 1000)))
            if one.type == "telemetry":
                reports.append((happened_s, message))
        self._publish(reports)
        if entries:
            time_ms, chars = int(self._clocks.unix_s * 1000), sum(len(entry[2]) for entry in entries)
            taken = self._numbered.take_fresh()
            self._gateway.journal.extend(time_ms, self._board.device, "pico", "", entries, chars, taken)

    def _publish(self, reports: list[Any]) -> None:
        if reports:
            self._gateway.telemetry.receive_reports(self._board.device, reports.copy())
            reports.clear()

    def ping(self) -> None:
        """Asks whether all that was written to this link is safe."""
        payload = str(len(self.written)).encode()
        if self.connection.answer is None:
            self.connection.pongs.append(len(self.written))
        else:
            self.connection.answer(payload)


class Life:
    """One board, its links, and what must be recorded of it."""

    def __init__(self, world: World, device: str, first_uptime_ms: int) -> None:
        self._world = world
        self.clocks = world.clocks
        self.board = Board(device, self.clocks, first_uptime_ms)
        # The newest last; the one before it may live for a while beside it.
        self.links: list[Link] = []
        # Identity of a message → when it happened by the wall clock, as each of its arrivals may tell.
        self.times_s: dict[int, list[float]] = defaultdict(list)
        self.confirmed: set[int] = set()
        self.connect()

    # The board

    def say(self, argument: int) -> None:
        for at in range(argument % 3 + 1):
            self.clocks.monotonic_s += WAITS_S[argument % 4]
            self.board.say("telemetry" if (argument + at) % 2 else "log")

    def drop(self, argument: int) -> None:
        """The outbox is full: its oldest messages make place."""
        del self.board.outbox[: argument % 3 + 1]

    def ping(self, argument: int) -> None:
        self.links[-1].ping()

    def reboot(self, argument: int) -> None:
        self.board.start(argument * 1000)
        self.cut(argument)

    # The network

    def connect(self) -> None:
        self.links.append(Link(self._world.gateway, self.board, self.clocks))

    def connect_beside(self, argument: int) -> None:
        """A second link of the same start, while the gateway has not noticed the end of the first."""
        del self.links[:-1]
        self.connect()

    def cut(self, argument: int) -> None:
        for link in self.links:
            link.connection.is_open = False
        self.links.clear()
        self.connect()

    def send(self, argument: int) -> None:
        """Writes what the newest link has not had yet, in one piece."""
        self._send(argument, self.links[-1])

    def send_by_older_link(self, argument: int) -> None:
        self._send(argument, self.links[0])

    def send_again(self, argument: int) -> None:
        """A packet comes twice, or late: any message of this start, also a confirmed one."""
        this_boot = [sent for sent in self.board.all if sent.boot == self.board.boot]
        if this_boot:
            self._deliver(self.links[-1], [this_boot[-1 - argument % len(this_boot)]])

    def _send(self, argument: int, link: Link) -> None:
        waiting = [sent for sent in self.board.outbox if sent not in link.written]
        if waiting:
            self._deliver(link, waiting[: argument + 1])

    def _deliver(self, link: Link, sent: list[BoardMessage]) -> None:
        self.clocks.monotonic_s += TRANSIT_S_MAX * (len(sent) % 3) / 2
        for one in sent:
            self.times_s[one.identity].append(self.clocks.offset_s + one.happened_s)
        link.receive(sent)

    def take_pongs(self) -> None:
        for link in self.links:
            for count in link.connection.pongs:
                safe = set(link.written[:count])
                self.confirmed |= {sent.identity for sent in safe}
                self.board.outbox = [sent for sent in self.board.outbox if sent not in safe]
            link.connection.pongs.clear()

    def end(self) -> None:
        """Sends all that the board keeps."""
        self.cut(0)
        while [sent for sent in self.board.outbox if sent not in self.links[-1].written]:
            self.send(9)
        self.ping(0)


class World:
    """Some boards, and one gateway after another in one folder; `play` moves them."""

    def __init__(self, folder: Path, first_uptimes_ms: Sequence[int]) -> None:
        self._folder = folder
        self.clocks = Clocks()
        self.gateway = Gateway(folder, self.clocks)
        self._jumps = 0
        self.lives = [Life(self, f"board-{at}", uptime_ms) for at, uptime_ms in enumerate(first_uptimes_ms)]

    def play(self, step: str, argument: int) -> None:
        """Does one step of `STEPS`; the argument is a number, which also says of which board."""
        call, life = STEPS[step], self.lives[argument // 10 % len(self.lives)]
        call(life if step in OF_A_BOARD else self, argument % 10)
        for each in [life] if step in OF_A_BOARD else self.lives:
            each.take_pongs()

    # The gateway

    def kill(self, argument: int) -> None:
        self.gateway.kill()
        self.gateway = Gateway(self._folder, self.clocks)
        for life in self.lives:
            life.cut(argument)

    def restart(self, argument: int) -> None:
        self.write_everything()
        self.kill(argument)

    def write_everything(self) -> None:
        self.gateway.sync()
        self.gateway.flush_journal()
        self.gateway.flush_history()

    # The clocks

    def wait(self, argument: int) -> None:
        self.clocks.monotonic_s += WAITS_S[argument]

    def jump(self, argument: int) -> None:
        if self._jumps < JUMPS_MAX:
            self._jumps += 1
            self.clocks.offset_s += JUMPS_S[argument]

    def end(self) -> None:
        """Has the boards send all that they keep, and the gateway end in order."""
        for life in self.lives:
            life.end()
        self.write_everything()
        self.gateway.tidy()
        for life in self.lives:
            life.take_pongs()
        self.gateway.kill()


OF_A_BOARD: dict[str, Callable[[Any, int], None]] = {
    "say": Life.say,
    "send": Life.send,
    "send by older link": Life.send_by_older_link,
    "send again": Life.send_again,
    "drop": Life.drop,
    "ping": Life.ping,
    "reboot": Life.reboot,
    "connect beside": Life.connect_beside,
    "cut": Life.cut,
}
STEPS: dict[str, Callable[[Any, int], None]] = {
    **OF_A_BOARD,
    "sync": lambda world, _: world.gateway.sync(),
    "flush journal": lambda world, _: world.gateway.flush_journal(),
    "flush history": lambda world, _: world.gateway.flush_history(),
    "tidy": lambda world, _: world.gateway.tidy(),
    "kill": World.kill,
    "restart": World.restart,
    "wait": World.wait,
    "jump": World.jump,
}


class Template:
    """A data folder with empty databases, copied for each sequence: making the tables takes longer than the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for open_one in (open_database, open_history):
            open_one(folder).close()

    def copy(self, folder: Path) -> None:
        shutil.copytree(self.folder, folder)
