"""The uses of tokens: noted at once, written in the background, and not lost to a disk that fails for a while."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from darvaz.gateway.access import Issued, Tokens, token_uses
from darvaz.gateway.access.token_uses import USES_WAITING_MAX
from darvaz.gateway.storage.database import open_database, transaction
from darvaz.gateway.storage.mirrored_tables import MirroredTables
from tests.support.clock import Clock

DEADLINE_S = 20.0


def use(tokens: Tokens, count: int) -> list[Issued]:
    """Makes tokens and uses each once."""
    issued = [tokens.issue("pico") for _ in range(count)]
    for token in issued:
        assert tokens.check(token.text, "pico", "10.0.0.1") is not None
    return issued


def used(connection: sqlite3.Connection) -> int:
    """Returns how many tokens have a use in the database."""
    return int(connection.execute("SELECT count(last_used_s) FROM tokens").fetchone()[0])


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.005)


def test_uses_are_written_in_the_background(tokens: Tokens, connection: sqlite3.Connection, tmp_path: Path) -> None:
    tokens.uses.open(partial(open_database, tmp_path))

    use(tokens, 20)

    wait_until(lambda: used(connection) == 20)
    tokens.uses.close(connection)


def test_the_list_of_tokens_has_every_use(tokens: Tokens, tmp_path: Path) -> None:
    tokens.uses.open(partial(open_database, tmp_path))

    use(tokens, 3)

    assert [token.last_address for token in tokens.list()] == ["10.0.0.1"] * 3
    tokens.uses.close(tokens._connection)


def test_a_look_at_the_revoked_tokens_writes_nothing(tokens: Tokens, connection: sqlite3.Connection) -> None:
    use(tokens, 3)

    tokens.invalid_ids()

    assert used(connection) == 0


def test_what_waits_is_written_when_the_gateway_closes(
    tokens: Tokens, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    tokens.uses.open(partial(open_database, tmp_path))
    use(tokens, 3)

    tokens.uses.close(connection)

    assert used(connection) == 3


def test_what_waits_is_written_at_the_close_where_nothing_runs_in_the_background(
    tokens: Tokens, connection: sqlite3.Connection
) -> None:
    use(tokens, 3)

    tokens.uses.close(connection)

    assert used(connection) == 3


def test_one_use_beyond_those_that_may_wait_is_lost_and_told(
    tokens: Tokens, connection: sqlite3.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    use(tokens, USES_WAITING_MAX + 1)

    tokens.uses.open(partial(open_database, tmp_path))
    tokens.uses.close(connection)

    assert used(connection) == USES_WAITING_MAX
    assert "1 uses of tokens are not noted" in caplog.text


def test_a_use_that_waits_counts_as_noted(tokens: Tokens) -> None:
    (issued,) = use(tokens, 1)

    tokens.check(issued.text, "pico", "10.0.0.2")

    assert [token.last_address for token in tokens.list()] == ["10.0.0.1"]


def test_uses_wait_while_the_database_is_locked_and_are_written_afterwards(
    tokens: Tokens, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    def open_impatient() -> sqlite3.Connection:
        impatient = open_database(tmp_path)
        impatient.execute("PRAGMA busy_timeout = 1")
        return impatient

    tokens.uses.open(open_impatient)
    writer = tokens.uses.writer
    assert writer is not None

    issued = [tokens.issue("pico") for _ in range(3)]
    with closing(open_database(tmp_path)) as other, transaction(other):
        for token in issued:
            assert tokens.check(token.text, "pico", "10.0.0.1") is not None
        wait_until(lambda: writer.state != "ok")

    wait_until(lambda: writer.state == "ok")
    assert used(connection) == 3
    tokens.uses.close(connection)


def test_a_newer_use_is_not_overwritten_by_one_that_failed(
    tokens: Tokens, connection: sqlite3.Connection, clock: Clock
) -> None:
    (issued,) = use(tokens, 1)
    connection.execute("PRAGMA query_only = 1")
    tokens.uses.write(connection)
    clock.now_s += 60
    tokens.check(issued.text, "pico", "10.0.0.2")
    connection.execute("PRAGMA query_only = 0")

    assert [token.last_address for token in tokens.list()] == ["10.0.0.2"]


def test_a_use_that_waits_outlives_a_look_at_the_disk(
    tmp_path: Path, connection: sqlite3.Connection, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_uses, "GATHER_S", DEADLINE_S)

    async def test() -> None:
        with closing(MirroredTables(partial(open_database, tmp_path), ["tokens"])) as tables:
            tables.start()
            tokens = Tokens(tables, clock)
            tokens.uses.open(partial(open_database, tmp_path), tables)
            [issued] = use(tokens, 1)
            assert await tables.wait_until_stored(DEADLINE_S)
            with transaction(connection):
                connection.execute("UPDATE tokens SET label = 'other process' WHERE id = ?", (issued.token_id,))

            assert await tables.look(DEADLINE_S)

            [listed] = tokens.list()
            assert (listed.label, listed.last_address) == ("other process", "10.0.0.1")
            tokens.uses.close(tables)

    asyncio.run(test())
