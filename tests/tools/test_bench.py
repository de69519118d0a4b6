"""`python -m bench` as a command: tables, well-formed results, no lost rows, no process left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench.c_programs import NoCompilerError, find_compiler
from tests.support.needs import missing

ROOT = Path(__file__).parents[2]
RUN_DEADLINE_S = 200.0
END_DEADLINE_S = 30.0
# The load generator never sleeps: a shorter run proves the same with less of the machine.
SHORT = ("--quick", "--rounds", "1", "--window-ms", "100", "--idle-boards", "200")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_DEADLINE_S + 40)]

FIGURE = {
    "type": "object",
    "required": ["median", "min", "max", "values"],
    "properties": {"values": {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}},
}
ROW = {
    "type": "object",
    "required": ["server", "title", "workload", "in_flight"],
    "properties": dict.fromkeys(["rate_per_s", "cpu_us", "p50_us", "p99_us", "load_share"], FIGURE),
}
RESULTS = {
    "type": "object",
    "required": ["version", "machine", "generator", "quick", "cases", "goals"],
    "properties": {
        "version": {"const": 1},
        "quick": {"const": True},
        "machine": {
            "required": ["processor", "cores", "hot_path", "pinning", "system", "python", "load_average", "measured_at"]
        },
        "cases": {
            "properties": {
                "messages": {"required": ["rows", "skipped"], "properties": {"rows": {"items": ROW}}},
                "boards": {"properties": {"figures": {"additionalProperties": FIGURE}}},
                "cameras": {
                    "properties": {"rows": {"items": {"required": ["transport", "viewers", "rate_per_s", "times"]}}}
                },
                "commands": {"properties": {"loads": {"additionalProperties": {"additionalProperties": FIGURE}}}},
            }
        },
        "goals": {
            "items": {
                "required": ["title", "goal", "measured", "is_met"],
                "properties": {"is_met": {"enum": [True, False, None]}},
            }
        },
    },
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench", *arguments]


def run(results: Path, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[str, dict[str, Any]]:
    """Runs the bench to its end and returns what it printed and its results."""
    done = subprocess.run(
        command(*arguments, "--json", str(results)),
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=RUN_DEADLINE_S,
        # Its load generator never sleeps, and tests that run at the same time have deadlines.
        preexec_fn=(lambda: os.nice(10)) if hasattr(os, "nice") else None,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr, json.loads(results.read_text())


@pytest.fixture
def needs_compiler() -> None:
    try:
        find_compiler()
    except NoCompilerError as error:
        missing(str(error))


@pytest.mark.usefixtures("needs_compiler")
def test_a_quick_run_measures_every_case_and_loses_no_row(tmp_path: Path) -> None:
    printed, results = run(tmp_path / "results.json", *SHORT)

    jsonschema.validate(results, RESULTS)
    rows = results["cases"]["messages"]["rows"]
    ours = [row for row in rows if row["server"] == "darvaz"]
    assert [(row["workload"], row["in_flight"]) for row in ours] == [("ping", 1), ("ping", 16), ("log", 16)]
    assert all(row["rate_per_s"]["min"] > 0 for row in rows)
    assert {check["missing"] - check["missing_in_gaps"] for row in ours for check in row["journal"]} == {0}
    assert results["cases"]["commands"]["journal"] == "complete"
    assert results["cases"]["boards"]["figures"]["resident_kb"]["median"] > 0
    assert [row["resident_kb"]["median"] > 0 for row in results["cases"]["rich"]["rows"]] == [True, True]
    assert all(row["rate_per_s"]["min"] > 0 for row in results["cases"]["cameras"]["rows"])
    assert results["cases"]["virtual"]["figures"]["online"] == 4
    for title in (
        "ping → pong",
        "200 idle boards",
        "20 commands and 20 names",
        "Command round trip",
        "4 virtual boards",
        "Goals",
    ):
        assert title in printed


def test_without_a_compiler_the_slow_generator_measures_what_it_can(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "CC": "no-such-compiler"}
    arguments = (*SHORT, "--only", "messages", "--only", "commands")

    printed, results = run(tmp_path / "results.json", *arguments, env=environ)

    messages = results["cases"]["messages"]
    assert "no C compiler: install gcc" in printed
    assert messages["skipped"]["Node ws + JSON"].startswith("node is not installed")
    assert messages["skipped"]["echo in C (the floor)"] == "no C compiler: install gcc"
    assert messages["skipped"]["Mosquitto QoS 0"] == "the load generator in Python has no MQTT"
    ours = [row for row in messages["rows"] if row["server"] == "darvaz"]
    assert {check["says"] for row in ours for check in row["journal"]} == {"complete"}
    assert results["cases"]["commands"]["notes"] == ["skipped, no C compiler: install gcc"]


@contextlib.contextmanager
def running_bench(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Runs the bench with a mark that all its children inherit; yields when its boards have started."""
    mark = uuid.uuid4().hex
    with (tmp_path / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command("--quick", "--only", "virtual"),
            cwd=ROOT,
            env={**os.environ, "BENCH_TEST_MARK": mark},
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: len(marked(mark)) >= 5, f"five processes; {(tmp_path / 'output.txt').read_text()}")
        yield process, mark
    finally:
        process.kill()
        process.wait(END_DEADLINE_S)


def marked(mark: str) -> list[int]:
    """Returns the processes that have the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def wait_for(is_done: Any, what: str) -> None:
    give_up_s = time.monotonic() + END_DEADLINE_S
    while not is_done():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")
@pytest.mark.usefixtures("needs_compiler")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_no_process_is_left_whatever_signal_ends_the_bench(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with running_bench(tmp_path) as (process, mark):
        process.send_signal(number)

        assert process.wait(END_DEADLINE_S) == status
        wait_for(lambda: not marked(mark), "the end of every child")
