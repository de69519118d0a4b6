"""A maker's project with a program for a board, and its tests run with the pytest plugin."""

from __future__ import annotations

import pytest

from tests.support.hil import run_pytest

RUN_S = 80

PROGRAM = """
import board
from darvaz import Device

device = Device(board)


def share(litres):
    return 100 / litres


@device.command(litres={"type": "number"})
def water(litres):
    device.log.info("pump: %s litres" % litres)
    return share(litres)


@device.command
def crash():
    raise KeyboardInterrupt


@device.command
def hang():
    while True:
        __import__("time").sleep(1)


@device.telemetry(every_s=0.2, unit="%")
def moisture():
    return 41.5


device.run()
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A maker's project: a program in a folder, and where it is in the configuration."""
    folder = pytester.mkdir("greenhouse")
    (folder / "main.py").write_text(PROGRAM)
    (folder / "test_not_for_the_board.py").write_text("")
    (pytester.path / "bench.toml").write_text("boot_deadline_s = 3\n")
    pytester.makeini("[pytest]\ndarvaz_program = greenhouse\nasyncio_mode = auto\n")
    return pytester


def run(project: pytest.Pytester, code: str, *words: str) -> pytest.RunResult:
    project.makepyfile(code)
    return run_pytest(project, *words, deadline_s=RUN_S)
