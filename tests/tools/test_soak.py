"""A short soak with a fixed seed; `make soak` runs ten minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.soak.board import ENDS
from tools.soak.run import SoakRun

SECONDS = 12.0
BOARDS = 30


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_boards_that_disconnect_in_every_way_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    soak = SoakRun(tmp_path, SECONDS, BOARDS, 1, lambda sentence: None)

    await soak.run()

    assert soak.findings == []
    counts = soak.record.counts
    assert {name for name, _ in ENDS} == {name.removeprefix("ends: ") for name in counts if name.startswith("ends: ")}
    assert counts["restarts"] == 2
    assert counts["replaced with 4409"] and counts["commands: 200"] and len(soak.record.answered_at_s) > BOARDS

    # An acknowledged ping that is not in the journal is found.
    soak.record.answered_at_s['{"type": "ping", "time": 0}'] = 0.0
    soak._check_journal()
    assert soak.findings == ['{"type": "ping", "time": 0} was answered and is in the journal 0 times']
