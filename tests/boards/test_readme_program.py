"""The program in the README runs as it stands, on a virtual board."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.hil import run_pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(100)
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
PROGRAM = re.search(r"^```python\n(import board\n.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_program_of_the_readme_obeys_and_reports(pytester: pytest.Pytester) -> None:
    assert PROGRAM is not None
    (pytester.path / "program").mkdir()
    (pytester.path / "program" / "main.py").write_text(PROGRAM[1], encoding="utf-8")
    pytester.makepyfile(
        """
        def test_its_command_and_its_telemetry(board):
            assert board.command("led", on=True) == {"on": True}
            assert board.hardware.pins["15"]["value"] == 1
            board.expect_telemetry("temperature", above=-40, below=85)
        """
    )

    result = run_pytest(pytester, "--board-program", "program")

    result.assert_outcomes(passed=1)


def test_its_words_are_those_of_the_program_for_the_pico() -> None:
    assert PROGRAM is not None
    ours = (Path(__file__).resolve().parents[2] / "firmware/pico/main.py").read_text(encoding="utf-8")

    different = set(PROGRAM[1].splitlines()) - set(ours.splitlines())
    assert different == {'@device.telemetry(every_s=10, unit="°C")'}
