"""docs/testing-hardware.md, tried as it stands: its project passes, and its failure looks as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.hil import run_pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(100)
RUN_S = 80
PAGE = (Path(__file__).resolve().parents[2] / "docs/testing-hardware.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^\*\*(\S+)\*\*\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
# What no two runs have in common.
PASSING = [
    (r"\d\d:\d\d:\d\d\.\d{3}", "TIME"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"version [\d.]+", "VERSION"),
    (r'declared\.m?py", line \d+', "OURS"),
]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """The files of the page, each at its place."""
    for name, text in FILES.items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return pytester


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return run_pytest(project, *words, deadline_s=RUN_S)


def calm(text: str) -> str:
    """Returns a text without what changes from run to run."""
    for pattern, word in PASSING:
        text = re.sub(pattern, word, text)
    return text


def test_project_of_the_page_passes(project: pytest.Pytester) -> None:
    run(project, "test_greenhouse.py").assert_outcomes(passed=2)


def test_parts_of_the_page_are_read(project: pytest.Pytester) -> None:
    run(project, "test_weather.py", "--board-program", "weather").assert_outcomes(passed=3)


def test_wires_of_the_page_are_found(project: pytest.Pytester) -> None:
    run(project, "test_wires.py", "--board-wiring", "bench.toml").assert_outcomes(passed=2)


def test_wires_that_are_not_there_skip_the_tests_of_the_page(project: pytest.Pytester) -> None:
    run(project, "test_wires.py").assert_outcomes(skipped=2)


def test_awaited_test_of_the_page_passes(project: pytest.Pytester) -> None:
    (awaited,) = re.findall(r"^```python\n(import asyncio\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    project.makepyfile(awaited)

    run(project, "-o", "asyncio_mode=auto", "-k", "says_what_it_does").assert_outcomes(passed=1)


def test_failure_looks_as_the_page_shows_it(project: pytest.Pytester) -> None:
    (shown,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    result = run(project, "test_drought.py")

    result.assert_outcomes(failed=1)
    assert calm(shown) in calm(result.stdout.str())


def test_every_option_is_on_the_page(pytester: pytest.Pytester) -> None:
    options = set(re.findall(r"^  (--(?:board|gateway)[a-z-]*)", run(pytester, "--help").stdout.str(), re.MULTILINE))

    assert {option for option in options if option not in PAGE} == set()
    assert len(options) == 8
