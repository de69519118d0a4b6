"""The tests on a board, with `--board emulated`: the official firmware of the Pico W, reset and without power too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.emulated import need_emulator
from tests.support.hil import pytest_in

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 500.0
# What only a chip shows; the others differ from the virtual board in nothing.
CHOSEN = "says_what_it_is or power_was_cut or told_to_reboot or error_in_a_program or temperature or end_of_its"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(DEADLINE_S + 20), pytest.mark.xdist_group("emulated")]


async def test_suite_passes_on_an_emulated_pico_w() -> None:
    need_emulator()

    words = ("tests/hil", "-q", "-n", "0", "-p", "no:cacheprovider", "--board", "emulated", "-k", CHOSEN)
    code, output = await pytest_in(ROOT, *words, deadline_s=DEADLINE_S)

    assert code == 0, output
    assert "skipped" not in output.splitlines()[-1]
