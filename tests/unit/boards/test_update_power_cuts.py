"""The power of a board is cut at every state of its flash during updates: it always starts a whole program."""

from __future__ import annotations

import re

import pytest

from tests.support.examples import scaled
from tests.support.micropython import ON_BOARD, ROOT, run_micropython

PROGRAM = ON_BOARD / "programs/update_power_cuts.py"
# Once in this number of states, the loader's own writes are cut, too, and another update is taken.
SECOND_CUT_EVERY = max(1, 60 // scaled(3))
STATES_MIN = 1200


@pytest.mark.slow
def test_a_power_cut_at_any_flash_state_of_an_update_leaves_a_whole_program() -> None:
    done = run_micropython(
        str(PROGRAM),
        str(ROOT / "firmware"),
        str(SECOND_CUT_EVERY),
        heap="48M",
        path=(PROGRAM.parent,),
        deadline_s=240,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) states, (\d+) second cuts", done.stdout)
    assert found is not None and int(found[1]) >= STATES_MIN and int(found[2]) > 0, done.stdout
