"""The pytest plugin in a maker's project: its program on a virtual board, and its reports."""

from __future__ import annotations

import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.maker_project import RUN_S, project, run

pytest_plugins = ["pytester"]
# A gateway and a board of its own for each run.
pytestmark = pytest.mark.timeout(100)


__all__ = ["project"]


KILLED = """
import os
import signal
from pathlib import Path

def test_it(board):
    gateway, processor = board.gateway.process.pid, board._backend._board.pid
    Path("pids").write_text(f"{gateway} {processor}")
    os.kill(os.getpid(), signal.SIGKILL)
"""


# What passes


def test_program_of_a_maker_is_tested_on_a_virtual_board(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_pump(board):
            assert board.command("water", litres=4) == 25
            board.expect_log("pump: 4 litres")

        def test_probe(board):
            assert board.expect_telemetry("moisture", above=30, below=50) == 41.5
            board.expect_telemetry("moisture", equals=41.5)
            board.expect_telemetry("moisture", where=lambda value: value > 40)

        def test_prompt(board):
            assert board.exec("print(share(10))") == "10.0\\n"
            assert board.exec("import os; print('test_not_for_the_board.py' in os.listdir('/'))") == "False\\n"
            assert board.command("water", litres=2) == 50

        def test_hardware(board):
            board.hardware.access_points["Home"].rssi_dbm = -90
            board.reset()
            assert board.command("info")["rssi_dbm"] == -90

        async def test_awaited(async_board):
            import asyncio
            water = async_board.command("water", litres=5)
            message = async_board.expect_log("pump: 5 litres")
            seen = async_board.expect_telemetry("moisture")
            assert await asyncio.gather(water, message, seen) == [20, "pump: 5 litres", 41.5]

        async def test_awaited_resets(async_board):
            await async_board.power_cycle()
            assert await async_board.exec("print(1 + 1)") == "2\\n"
            await async_board.reset()
            assert (await async_board.about())["online"]
        """,
    )

    result.assert_outcomes(passed=6)


def test_gateway_is_usable_without_a_board(project: pytest.Pytester) -> None:
    result = run(
        project, "def test_it(gateway):\n    assert gateway.devices() == {}\n    assert gateway.ws_url[:5] == 'ws://'"
    )

    result.assert_outcomes(passed=1)


def test_a_run_leaves_nothing_behind(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))

    run(project, "def test_it(board, wiring):\n    board.command('water', litres=1)").assert_outcomes(passed=1)

    assert [path.name for path in folder.iterdir() if "darvaz" in path.name] == []


def test_environment_does_not_reach_the_gateway_of_a_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARVAZ_TOKEN", "dvz_of_another_gateway")
    monkeypatch.setenv("DARVAZ_GATEWAY", "http://127.0.0.1:9")
    monkeypatch.setenv("DARVAZ_PORT", "1")

    run(project, "def test_it(board):\n    board.command('water', litres=1)").assert_outcomes(passed=1)


def test_gateway_and_board_end_with_a_run_that_was_killed(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(project.path))
    run(project, KILLED, "-p", "no:cacheprovider")

    gateway, board = map(int, (project.path / "pids").read_text().split())
    give_up = time.monotonic() + RUN_S
    while (left := [pid for pid in (gateway, board) if Path(f"/proc/{pid}").exists()]) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert left == []


# The scope of the board

SHARED = """
import pytest

@pytest.fixture(scope="module")
def calibrated(board):
    board.exec("litres_per_s = 4")
    return board

def test_first(calibrated):
    assert calibrated.exec("print(litres_per_s)") == "4\\n"

def test_second(calibrated):
    assert calibrated.exec("print(litres_per_s)") == "4\\n"

def test_third(board):
    assert board.command("water", litres=4) == 25

def test_lines_of_other_tests_are_not_found(board):
    with pytest.raises(AssertionError, match="logged nothing since the test began"):
        board.expect_log("pump: 4 litres", timeout_s=0.1)

def test_crash(board):
    board.command("crash")

async def test_next(async_board):
    assert await async_board.command("water", litres=2) == 50
"""


def test_fixture_of_a_module_uses_a_board_of_that_scope(project: pytest.Pytester) -> None:
    result = run(project, SHARED, "-o", "darvaz_board_scope=module")

    result.assert_outcomes(passed=5, failed=1)
    # Each test has its own log in its report.
    result.stdout.fnmatch_lines(["E*CommandFailed: crash(): *", "--* traceback of virtual-pico --*"])
    assert "pump: 4 litres" not in result.stdout.str().partition("log of virtual-pico")[2]


def test_fixture_of_a_module_is_told_that_a_board_is_of_one_function(project: pytest.Pytester) -> None:
    result = run(project, SHARED, "-k", "test_first")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["ScopeMismatch: *function scoped fixture board with a module scoped request object*"])


@pytest.mark.parametrize("scope", ["class", "package", "session"])
def test_every_scope_gives_a_board(project: pytest.Pytester, scope: str) -> None:
    tests = f"""
        import pytest

        @pytest.fixture(scope="{scope}")
        def pump(board):
            return board

        class TestPump:
            def test_first(self, pump):
                assert pump.command("water", litres=4) == 25

            def test_second(self, pump):
                assert pump.command("water", litres=2) == 50
        """
    run(project, tests, "-o", f"darvaz_board_scope={scope}").assert_outcomes(passed=2)


# Reports


def test_failed_command_is_reported_with_its_traceback_and_the_log(project: pytest.Pytester) -> None:
    result = run(project, "def test_drought(board):\n    board.command('water', litres=0)")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*board.command('water', litres=0)",
            "E*darvaz.testing.CommandFailed: water(litres=0): ZeroDivisionError: divide by zero",
            "test_failed_command*.py:2: CommandFailed",
            "--* device --*",
            "virtual-pico is online: kind pico, *reset_cause power_on*",
            "--* traceback of virtual-pico --*",
            '  File "main.py", line 15, in water',
            '  File "main.py", line 9, in share',
            "ZeroDivisionError: divide by zero",
            "--* log of virtual-pico --*",
            "*info: pump: 0 litres",
            "*error: command water failed (traceback)",
        ]
    )
    # Neither our insides nor a traceback of the gateway's client are of interest.
    assert "httpx" not in result.stdout.str() and "server/darvaz" not in result.stdout.str()


def test_missing_line_or_value_is_reported_with_those_that_arrived(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_line(board):
            board.command("water", litres=4)
            board.expect_log("pump: 5 litres", timeout_s=0.5)

        def test_value(board):
            board.expect_telemetry("moisture", above=90, timeout_s=0.5)

        async def test_awaited(async_board):
            await async_board.expect_log("rain", timeout_s=0.1)
        """,
    )

    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E*NotSeenError: no log line 'pump: 5 litres' in 0.5 s; the device logged instead:",
            "E*info: pump: 4 litres",
            "E*NotSeenError: no moisture above 90 in 0.5 s; values of moisture were: 41.5*",
            "E*NotSeenError: no log line 'rain' in 0.1 s; the device logged nothing since the test began",
        ]
    )
    assert "to_thread" not in result.stdout.str()


def test_program_that_ended_is_reported_with_what_it_printed(project: pytest.Pytester) -> None:
    (project.path / "greenhouse/main.py").write_text("print('watering')\nraise ValueError('no probe')\n")

    # The deadline for the start is a minute; an end is told when it is seen.
    result = run(project, "def test_it(board):\n    pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "virtual-pico is not online: its program has ended; its serial port printed:",
            "watering",
            "ValueError: no probe",
            "--* traceback of virtual-pico --*",
            "ValueError: no probe",
        ]
    )


@pytest.mark.parametrize("end", ["sys.exit('no probe')", "raise SystemExit"])
def test_program_that_exits_again_and_again_is_reported_at_once(project: pytest.Pytester, end: str) -> None:
    (project.path / "greenhouse/main.py").write_text(f"import sys\nprint('watering')\n{end}\n")

    # The deadline for the start is a minute; an end is told when it is seen.
    result = run(project, "def test_it(board):\n    pass")

    result.assert_outcomes(errors=1)
    ended = "its program ends by sys.exit() or SystemExit, and starts again and again; its serial port printed:"
    result.stdout.fnmatch_lines([f"virtual-pico is not online: {ended}", "watering", "MPY: soft reboot"])


def test_program_that_a_test_ended_runs_again_in_the_next(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_code(board):
            board.exec("raise ValueError('mine')")

        def test_crash(board):
            board.command("crash")

        def test_hang(board):
            board.command("hang")

        def test_next(board):
            assert board.command("water", litres=4) == 25
        """,
    )

    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(
        [
            "E*testing.ExecFailed: Traceback (most recent call last):",
            "E*ValueError: mine",
            "E*testing.CommandFailed: crash(): virtual-pico disconnected before it answered",
            "virtual-pico is offline: *",
            "--* traceback of virtual-pico --*",
            '  File "main.py", line 20, in crash',
            "KeyboardInterrupt:*",
            "--* serial port of virtual-pico --*",
            "E*testing.CommandFailed: hang(): *",
            "--* traceback of virtual-pico --*",
            '  File "main.py", line 2[56], in hang',
            "KeyboardInterrupt:*",
        ]
    )


def test_board_that_does_not_come_back_is_waited_for_once(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_lost(board):
            board.hardware.access_points.clear()
            board.reset()

        def test_next(board):
            pass

        def test_other(board):
            pass
        """,
        "--board-wiring", "bench.toml",
    )  # fmt: skip

    result.assert_outcomes(failed=1, errors=2)
    assert len(re.findall(r"virtual-pico did not come back after 3 s; it is away, though", result.stdout.str())) >= 3


def test_frame_of_a_camera_is_attached(pytester: pytest.Pytester) -> None:
    words = ("--board", "virtual:esp32cam", "--board-snapshots", "pictures", "--junitxml", "report.xml")
    result = run(pytester, "def test_it(board):\n    board.command('flash', on='yes')", *words)

    result.assert_outcomes(failed=1)
    (picture,) = (pytester.path / "pictures").iterdir()
    assert picture.read_bytes()[:2] == b"\xff\xd8"
    result.stdout.fnmatch_lines(["--* snapshot of virtual-esp32cam --*", str(picture)])
    assert properties(pytester.path / "report.xml")["snapshot"] == str(picture)


def test_xml_has_the_same_as_the_report(project: pytest.Pytester) -> None:
    run(project, "def test_it(board):\n    board.command('water', litres=0)", "--junitxml", "report.xml")

    found = properties(project.path / "report.xml")
    assert found["device"].startswith("virtual-pico is online")
    assert found["device_traceback"].endswith("ZeroDivisionError: divide by zero")
    assert re.search(r"info: pump: 0 litres", found["device_log"])


def properties(report: Path) -> dict[str, str]:
    found = ElementTree.parse(report).iter("property")
    return {each.attrib["name"]: each.attrib["value"] for each in found}
