"""A short soak, the same each time; `make soak` runs ten minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.soak.board import ENDS
from tools.soak.course import Course

SECONDS = 12.0
BOARDS = 30


@pytest.mark.timeout(180)
async def test_boards_that_vanish_in_every_way_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    course = Course(tmp_path, SECONDS, BOARDS, 1, lambda sentence: None)

    await course.run()

    assert course.findings == []
    counts = course.tale.counts
    assert {name for name, _ in ENDS} == {name.removeprefix("ends: ") for name in counts if name.startswith("ends: ")}
    assert counts["restarts"] == 2
    assert counts["replaced with 4409"] and counts["commands: 200"] and len(course.tale.answered) > BOARDS

    # What was acknowledged and is nowhere would have been found.
    course.tale.answered['{"type": "ping", "time": 0}'] = 0.0
    course._look_at_the_journal()
    assert course.findings == ['{"type": "ping", "time": 0} was answered and is in the journal 0 times']
