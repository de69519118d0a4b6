"""Small tables that the event loop uses in memory, each change written to the disk behind it.

The event loop must not wait for SQLite: another process may hold its lock for seconds, and a slow card its sync. So it
works on a copy, and a thread carries out the same statements on the disk, in the same order, all that wait in one
synced transaction. Other processes change the same tables: the thread looks for that, and the loop then puts their rows
into the copy and repeats what the disk does not have yet. What was revoked elsewhere is never undone by that.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from operator import itemgetter
from typing import Any

from darvaz.gateway.long_work import WorkQueue
from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.shared_database import SharedDatabase, retire
from darvaz.gateway.storage.unconfirmed import RowKey, Statement, Unconfirmed

log = logging.getLogger("darvaz.storage")

# Statements that wait for the disk; beyond it, a change is refused.
STATEMENTS_MAX = 10_000
# How often the thread looks for changes of other processes: each look wakes the processor.
LOOK_EVERY_S = 0.75
# A table of many rows is read no more often than lets the thread rest for this multiple of the time that it takes.
_REST_FACTOR = 10
# How long a thread waits for the event loop to read a table.
_LOOP_DEADLINE_S = 2.0
# Rows in one part, with what is repeated of them: less than a millisecond; and rows compared with one question.
_ROWS_PER_PART, _ROWS_COMPARED = 100, 20
_READS = "SELECT "
_WRITES = ("INSERT", "UPDATE", "DELETE")

# By table: rows that are new or different, and keys that are gone.
_Changes = dict[str, tuple[list[tuple[Any, ...]], list[Any]]]
# A key and its row; None where it is gone. With the table before them.
_KeyedRow = tuple[Any, tuple[Any, ...] | None]
_Change = tuple[str, Any, tuple[Any, ...] | None]


class MirroredTables(sqlite3.Connection):
    """A connection to the copy. The first column of each table is its key. For the event loop.

    `peeked` are tables of which one row is copied, to know whether they are empty at the start.
    """

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        tables: Sequence[str],
        peeked: Sequence[str] = (),
        database: SharedDatabase | None = None,
    ) -> None:
        super().__init__(":memory:", isolation_level=None, check_same_thread=False)
        self._tables = tuple(tables)
        self._database = database
        # The thread's own, from `start` on.
        self._disk = open_connection()
        self._open_again()
        # Statements for the thread: added by the loop, removed by the thread once they are committed.
        self._queue: deque[Statement] = deque()
        # The same, until the loop knows that they are committed. The loop's.
        self._unconfirmed = Unconfirmed(self._key_of)
        # Those of the transaction that is open; None without one.
        self._transaction: list[Statement] | None = None
        # What the thread tells, in its order: rows are read before what it confirms next is written. The loop's.
        self._news = WorkQueue()
        self._keys: dict[str, str] = {}
        # Statements and wishes to look, since the start.
        self._position = 0
        self._is_look_wanted = False
        self.on_changed: Callable[[], None] | None = None
        """Is called after rows have changed in memory, here or in another process."""
        self.on_read: Callable[[], None] | None = None
        """Is called after rows of the disk, which may be another process's, have come into memory."""
        self.list_repeated: Callable[[], Iterable[tuple[str, Any]]] | None = None
        """Returns what `execute_many_here` did and a look at the disk may not have seen: statements, parameters."""
        self._loop: asyncio.AbstractEventLoop | None = None
        # The thread's: hashes of the rows on the disk by table and key, and when they are read again.
        self._known: dict[str, dict[Any, int]] = {}
        self._version = self._read_version()
        self._is_stale = False
        self._next_look_s = 0.0
        self._copy(peeked)
        self.writer = BackgroundWriter(
            "list of tokens and sessions",
            open=self._open_again,
            write=self._write,
            position=lambda: self._position,
            close=lambda: self._disk.close(),
            database=database,
            leave=self._leave,
            interval_s=LOOK_EVERY_S,
        )

    # From the event loop

    def start(self) -> None:
        """Starts the thread; changes of other processes are seen from now on."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Carries out a statement in memory, and later on the disk."""
        # Most statements only read, one for each board that comes.
        return super().execute(sql, parameters) if sql.startswith(_READS) else self._run(sql, parameters, is_many=False)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Carries out a statement with each of the parameters."""
        return self._run(sql, list(parameters), is_many=True)

    def execute_many_here(self, sql: str, parameters: Sequence[Any], /) -> None:
        """Carries out statements in memory only: somebody else writes them to the disk, see `list_repeated`."""
        super().executemany(sql, parameters)

    async def wait_until_stored(self, deadline_s: float) -> bool:
        """Returns once every change so far survives a power cut; False after the deadline, or if the disk fails."""
        return await self.writer.wait_until_written(self._position, deadline_s)

    async def look(self, deadline_s: float) -> bool:
        """Returns once what other processes have changed so far is known here."""
        self._is_look_wanted = True
        self._position += 1
        is_known = await self.writer.wait_until_written(self._position, deadline_s)
        await self._news.wait()
        return is_known

    def close(self) -> None:
        """Writes what waits, and ends the thread."""
        self.writer.close()
        super().close()

    def _run(self, sql: str, parameters: Any, *, is_many: bool) -> sqlite3.Cursor:
        verb = sql.split(None, 1)[0].upper()
        if verb in _WRITES and len(self._unconfirmed) >= STATEMENTS_MAX:
            raise sqlite3.OperationalError(f"{STATEMENTS_MAX} changes wait for the disk already")
        cursor = super().executemany(sql, parameters) if is_many else super().execute(sql, parameters)
        if verb == "BEGIN":
            self._transaction = []
        elif verb in ("COMMIT", "ROLLBACK"):
            statements, self._transaction = self._transaction or [], None
            if verb == "COMMIT":
                self._accept(statements)
        elif verb in _WRITES and cursor.rowcount:
            statement = (sql, parameters, is_many)
            if self._transaction is None:
                self._accept([statement])
            else:
                self._transaction.append(statement)
        return cursor

    def _accept(self, statements: list[Statement]) -> None:
        if statements:
            self._unconfirmed.add(statements)
            self._queue.extend(statements)
            self._position += len(statements)
            self.writer.wake()
            self._tell_changed()

    def _apply(self, changes: _Changes) -> Iterator[None]:
        """Puts the rows of the disk into the copy, and repeats what the disk did not have when they were read.

        Mostly they are what this gateway has written itself. What differs comes in parts, each with what is repeated
        after it: nobody sees that a revocation is undone.
        """
        # A stop may have closed the copy meanwhile.
        with contextlib.suppress(sqlite3.ProgrammingError):
            differing = deque[_Change]()
            for table, part in _parts(changes):
                differing += self._differing(table, part)
                yield
            while differing:
                count = min(len(differing), _ROWS_PER_PART)
                self._put([differing.popleft() for _ in range(count)])
                yield
            if self.on_read is not None:
                self.on_read()

    def _differing(self, table: str, part: list[_KeyedRow]) -> list[_Change]:
        """Returns those of some rows that the copy does not have; to ask for one at a time takes twice as long."""
        places = ", ".join("?" * len(part))
        sql = f"SELECT * FROM {table} WHERE {self._key_of(table)} IN ({places})"
        found = {row[0]: row for row in super().execute(sql, [key for key, _ in part])}
        return [(table, key, row) for key, row in part if found.get(key) != row]

    def _put(self, changes: list[_Change]) -> None:
        # Commits at its end, or rolls back.
        with self:
            super().execute("BEGIN")
            for table, group in itertools.groupby(changes, itemgetter(0)):
                keyed = list(group)
                gone = [(key,) for _, key, row in keyed if row is None]
                self._insert(table, [row for _, _, row in keyed if row is not None])
                super().executemany(f"DELETE FROM {table} WHERE {self._key_of(table)} = ?", gone)
            self._repeat({(table, key) for table, key, _ in changes})
        self._tell_changed()

    def _repeat(self, keys: Collection[RowKey]) -> None:
        """Carries out once more what the rows of the disk may lack."""
        for sql, parameters in self._unconfirmed.concerning(keys):
            # A row that was added before is there already.
            with contextlib.suppress(sqlite3.IntegrityError):
                super().execute(sql, parameters)
        for sql, parameters in self.list_repeated() if self.list_repeated is not None else ():
            super().execute(sql, parameters)

    def _tell_changed(self) -> None:
        if self.on_changed is not None:
            self.on_changed()

    def _insert(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            places = ", ".join("?" * len(rows[0]))
            super().executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", rows)

    def _key_of(self, table: str) -> str:
        if table not in self._keys:
            found = super().execute("SELECT name FROM pragma_table_info(?) WHERE cid = 0", (table,))
            self._keys[table] = str(found.fetchone()[0])
        return self._keys[table]

    # At the start

    def _copy(self, peeked: Sequence[str]) -> None:
        wanted = {*self._tables, *peeked}
        # Tables before their indices.
        made = self._disk.execute("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC")
        for table, sql in made.fetchall():
            if table in wanted:
                super().execute(sql)
        for table in peeked:
            self._insert(table, self._disk.execute(f"SELECT * FROM {table} LIMIT 1").fetchall())
        for table, (rows, _) in self._read_changes().items():
            self._insert(table, rows)

    # The thread

    def _leave(self) -> None:
        assert self._database is not None
        retire(self._disk)
        self._disk = self._database.open()
        self._known.clear()
        self._is_stale = True

    def _open_again(self) -> None:
        # What is answered is on the disk.
        self._disk.execute("PRAGMA synchronous = FULL")

    def rescue(self, fresh: sqlite3.Connection, lacking: Sequence[str]) -> None:
        """Writes what memory has into a fresh file, of the tables that could not be read whole from the damaged one.

        Called by any thread; what waits for the disk is written later as always.
        """
        for table in [table for table in self._tables if table in lacking]:
            rows = self._ask_loop(table)
            if rows:
                places = ", ".join("?" * len(rows[0]))
                with transaction(fresh):
                    fresh.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({places})", rows)

    def _ask_loop(self, table: str) -> list[tuple[Any, ...]]:
        """Returns a table as the event loop has it, between two transactions."""
        answer: Future[list[tuple[Any, ...]]] = Future()

        def read() -> None:
            with contextlib.suppress(InvalidStateError):
                answer.set_result(super(MirroredTables, self).execute(f"SELECT * FROM {table}").fetchall())

        try:
            self._tell(read)
            return answer.result(_LOOP_DEADLINE_S)
        except TimeoutError:
            # It has ended, or never began.
            return super().execute(f"SELECT * FROM {table}").fetchall()

    def _write(self) -> int:
        # In this order: a statement is queued before it is counted.
        position, count = self._position, len(self._queue)
        is_look_wanted, self._is_look_wanted = self._is_look_wanted, False
        if count:
            self._commit([self._queue[index] for index in range(count)])
            for _ in range(count):
                self._queue.popleft()
            self._tell(self._news.add, self._unconfirmed.confirm(count))
        version = self._read_version()
        self._is_stale = self._is_stale or bool(count) or version != self._version
        self._version = version
        if self._is_stale and (is_look_wanted or time.monotonic() >= self._next_look_s):
            self._look()
        return position

    def _commit(self, statements: list[Statement]) -> None:
        with transaction(self._disk):
            for sql, parameters, is_many in statements:
                try:
                    self._disk.executemany(sql, parameters) if is_many else self._disk.execute(sql, parameters)
                except sqlite3.IntegrityError as error:
                    # Another process has changed the same row; without its parameters, which may be secret.
                    log.error("= a change was not stored: %s", error)

    def _look(self) -> None:
        start_s = time.monotonic()
        changes = self._read_changes()
        end_s = time.monotonic()
        self._next_look_s = end_s + max(LOOK_EVERY_S / 2, _REST_FACTOR * (end_s - start_s))
        self._is_stale = False
        if changes:
            self._tell(self._news.add, self._apply(changes))

    def _read_version(self) -> int:
        return int(self._disk.execute("PRAGMA data_version").fetchone()[0])

    def _read_changes(self) -> _Changes:
        """Returns what is different from what was read before."""
        changes: _Changes = {}
        for table in self._tables:
            known, hashes = self._known.get(table, {}), {}
            rows: list[tuple[Any, ...]] = []
            for row in self._disk.execute(f"SELECT * FROM {table}"):
                hashes[row[0]] = number = hash(row)
                if known.get(row[0]) != number:
                    rows.append(row)
            gone = [key for key in known if key not in hashes]
            self._known[table] = hashes
            if rows or gone:
                changes[table] = (rows, gone)
        return changes

    def _tell(self, call: Callable[..., None], *arguments: Any) -> None:
        # A loop that was closed meanwhile needs no copy any more.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call, *arguments)


def _parts(changes: _Changes) -> Iterator[tuple[str, list[_KeyedRow]]]:
    for table, (rows, gone) in changes.items():
        keyed = itertools.chain(((row[0], row) for row in rows), ((key, None) for key in gone))
        while part := list(itertools.islice(keyed, _ROWS_COMPARED)):
            yield table, part
