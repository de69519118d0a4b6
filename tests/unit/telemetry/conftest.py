"""Histories for the tests of telemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from darvaz.gateway.telemetry.history_tables import (
    HistoryTables,
    Retention,
)
from tests.unit.telemetry.histories import Kept


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def build(retention: Retention | None = None, tables: HistoryTables | None = None) -> Kept:
        made.append(Kept(tmp_path, retention, tables))
        return made[-1]

    yield build
    for kept in made:
        kept.connection.close()


@pytest.fixture
def kept(make: Callable[..., Kept]) -> Kept:
    return make()
