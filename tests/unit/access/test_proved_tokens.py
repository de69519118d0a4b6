"""Tokens that are known without a look-up, as long as nothing changes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.access import proved_tokens
from darvaz.gateway.access.tokens import Tokens
from darvaz.gateway.storage.database import open_database, transaction
from darvaz.gateway.storage.mirrored_tables import MirroredTables
from tests.support.clock import Clock

DEADLINE_S = 20.0
Check = Callable[[Tokens, MirroredTables], Awaitable[None]]


@pytest.fixture
def run(tmp_path: Path, clock: Clock) -> Iterator[Callable[[Check], None]]:
    async def started(check: Check) -> None:
        with closing(MirroredTables(lambda: open_database(tmp_path), ["tokens"])) as tables:
            tables.start()
            await check(Tokens(tables, clock), tables)

    yield lambda check: asyncio.run(started(check))


def is_valid(tokens: Tokens, text: str, kind: str = "operator") -> bool:
    return tokens.check(text, kind, None) is not None


def selects(tables: MirroredTables, call: Callable[[], object]) -> int:
    seen: list[str] = []
    tables.set_trace_callback(seen.append)
    call()
    tables.set_trace_callback(None)
    return sum(statement.startswith("SELECT") for statement in seen)


def test_a_token_that_came_before_needs_no_look_up_and_a_wrong_one_always_does(run: Callable[[Check], None]) -> None:
    async def check(tokens: Tokens, tables: MirroredTables) -> None:
        text = tokens.issue("operator").text
        tokens.check(text, "operator", None)
        tokens.check(text, "operator", None)

        assert selects(tables, lambda: is_valid(tokens, text)) == 0
        assert selects(tables, lambda: is_valid(tokens, text[:-2] + "xx")) == 1
        assert selects(tables, lambda: is_valid(tokens, "dvz_aaaaaaaaaa_" + text[15:])) == 1

    run(check)


def test_a_known_token_is_of_its_own_kind_id_and_time_only(run: Callable[[Check], None], clock: Clock) -> None:
    async def check(tokens: Tokens, tables: MirroredTables) -> None:
        text = tokens.issue("operator", expires_in_s=60).text
        assert is_valid(tokens, text) and is_valid(tokens, text)

        assert not is_valid(tokens, text, "viewer")
        assert not is_valid(tokens, "dvz_aaaaaaaaaa_" + text[15:])
        clock.now_s += 61
        assert not is_valid(tokens, text)

    run(check)


def test_a_revoked_token_is_refused_at_once_whoever_revoked_it(
    run: Callable[[Check], None], other_process: Tokens
) -> None:
    async def check(tokens: Tokens, tables: MirroredTables) -> None:
        here, there = tokens.issue("operator"), tokens.issue("operator")
        assert await tables.wait_until_stored(DEADLINE_S)
        assert all(is_valid(tokens, each.text) for each in (here, there, here, there))

        tokens.revoke(here.token_id)
        assert (is_valid(tokens, here.text), is_valid(tokens, there.text)) == (False, True)
        other_process.revoke(there.token_id)
        assert await tables.look(DEADLINE_S)
        await asyncio.sleep(0)
        assert not is_valid(tokens, there.text)

    run(check)


def test_what_was_found_in_a_transaction_that_is_undone_is_forgotten(run: Callable[[Check], None]) -> None:
    async def check(tokens: Tokens, tables: MirroredTables) -> None:
        issued = tokens.issue("operator")
        is_valid(tokens, issued.text)
        with pytest.raises(KeyError), transaction(tables):
            tokens.revoke(issued.token_id)
            assert not is_valid(tokens, issued.text)
            tables.execute("UPDATE tokens SET revoked_s = NULL")
            assert is_valid(tokens, issued.text)
            tokens.revoke(issued.token_id)
            raise KeyError

        assert is_valid(tokens, issued.text)

    run(check)


def test_one_token_beyond_the_maximum_is_still_valid(
    run: Callable[[Check], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proved_tokens, "TOKENS_MAX", 2)

    async def check(tokens: Tokens, tables: MirroredTables) -> None:
        texts = [tokens.issue("operator").text for _ in range(3)]

        assert [is_valid(tokens, text) for text in [*texts, *texts]] == [True] * 6
        assert len(tokens._proved._found) <= 2

    run(check)


def test_tables_on_the_disk_are_always_asked(tokens: Tokens, connection: sqlite3.Connection) -> None:
    text = tokens.issue("operator").text

    assert is_valid(tokens, text) and is_valid(tokens, text)
    assert tokens._proved._found == {}
