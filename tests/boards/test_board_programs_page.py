"""The program in docs/board-programs.md runs as it stands, on a virtual board; its limits are those of the library."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.hil import run_pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(100)
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/board-programs.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RULES = json.loads((ROOT / "shared/protocol.json").read_text(encoding="utf-8"))["$defs"]


def test_the_program_of_the_page_obeys_and_reports(pytester: pytest.Pytester) -> None:
    (pytester.path / "program").mkdir()
    (pytester.path / "program" / "main.py").write_text("\n".join(PIECES), encoding="utf-8")
    pytester.makepyfile(
        """
        def test_commands(board):
            assert board.command("led", on=True) == {"on": True}
            board.command("toggle")
            assert board.hardware.pins["15"]["value"] == 0
            assert board.command("water", seconds=0.1) == {"seconds": 0.1}
            board.command("mode", mode="night")
            board.expect_log("the mode is night")

        def test_telemetry_and_log(board):
            board.expect_telemetry("temperature", above=-40, below=85)
            board.expect_telemetry("humidity", above=41, below=42)
            board.reset()
            board.expect_log("the program is loaded")
            board.expect_log("hello from virtual-pico, online")
        """
    )

    result = run_pytest(pytester, "--board-program", "program")

    result.assert_outcomes(passed=2)


def constant(name: str) -> int:
    """Returns a constant of the library."""
    for path in (ROOT / "firmware/lib/darvaz").glob("*.py"):
        if found := re.search(rf"^{name} = (\d+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            return int(found[1])
    raise AssertionError(f"the library has no {name}")


def test_the_limits_of_the_page_are_those_of_the_library() -> None:
    rows = re.findall(r"^\| (.+?) \| ([^|]*?\d[^|]*) \|$", PAGE, re.MULTILINE)
    shown = {row.split(",")[0].split(";")[0].split(":")[0]: re.findall(r"\d+(?:\.\d+)?", value) for row, value in rows}

    argument = RULES["argument"]["properties"]
    expected = {
        "commands of a board": [constant("COMMANDS_MAX")],
        "arguments of a command": [16],
        "choices of an argument": [argument["choices"]["maxItems"]],
        "commands that run at the same time": [constant("RUNNING_MAX")],
        "deadline of a command": [constant("DEADLINE_S"), constant("DEADLINE_S_MAX")],
        "characters of a command's error": [constant("MESSAGE_CHARS_MAX")],
        "values that a board declares": [constant("TELEMETRY_MAX")],
        "interval of telemetry": [constant("EVERY_MS_LEAST") / 1000, 10, 31],
        "characters of a text value": [constant("CHARS_MAX")],
        "bytes of a line of the log": [constant("LINE_BYTES_MAX")],
        "bytes of a result": [constant("SEND_BYTES")],
        "bytes of all declarations together": [constant("TEXT_BYTES_MAX")],
        "bytes that wait for the gateway (`outbox_bytes`)": [constant("RING_BYTES"), 4096, 65536],
    }
    assert {name: [float(number) for number in shown[name]] for name in expected} == expected
