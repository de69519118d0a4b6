"""The helpers of the tests: what they start ends with them, also when the start fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import chromium, guide, netns
from tests.support.gateway import START_DEADLINE_S, GatewayProcess

ROOT = Path(__file__).resolve().parents[2]


def test_a_gateway_that_refuses_to_start_leaves_no_folder_and_no_process() -> None:
    gateway = GatewayProcess("--heartbeat-s", "never")
    folder = Path(gateway.folder.name)

    with pytest.raises(AssertionError, match="expected a number"):
        gateway.__enter__()

    assert gateway.process.poll() is not None
    assert not folder.exists()


def test_a_gateway_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.gateway.START_DEADLINE_S", 0.0)
    gateway = GatewayProcess(is_exec=True)
    folder = Path(gateway.folder.name)

    with pytest.raises(AssertionError, match="did not start"):
        gateway.__enter__()

    assert gateway.process.poll() is not None
    assert not folder.exists()


def test_a_gateway_that_ended_by_itself_still_leaves_no_folder() -> None:
    with GatewayProcess() as gateway:
        folder = Path(gateway.folder.name)
        gateway.kill()

    assert not folder.exists()


def test_a_forked_gateway_is_a_process_with_its_own_settings_output_and_status() -> None:
    with GatewayProcess(env={"DARVAZ_LOG_LEVEL": "debug"}) as first, GatewayProcess() as second:
        pids = {first.pid, second.pid}
        first.kill()
        statuses = (first.process.poll(), second.stop())

        assert statuses == (-signal.SIGKILL, 0)
        assert first.port != second.port and len(pids) == 2
        assert str(second.port) in second.log_text() and str(first.port) not in second.log_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


OWNER = """
import threading
from tests.support.gateway import GatewayProcess

with GatewayProcess() as gateway:
    print(gateway.pid, flush=True)
    threading.Event().wait()
"""


def test_a_forked_gateway_ends_with_the_tests_that_are_killed() -> None:
    # Gateways are forks where it is not set.
    env = {name: value for name, value in os.environ.items() if name != "DARVAZ_COMPILED"}
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        gateway = Path("/proc", owner.stdout.readline().strip())
        assert gateway.exists()
        owner.kill()

    give_up = time.monotonic() + START_DEADLINE_S
    while gateway.exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)


NEEDS = [chromium.find_chromium, guide.node_command, netns._require]


@pytest.mark.parametrize("need", NEEDS)
def test_what_this_machine_lacks_skips_a_persons_tests(
    need: Callable[[], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(pytest.skip.Exception, match="not installed"):
        need()


@pytest.mark.parametrize("need", NEEDS)
def test_what_this_machine_lacks_fails_continuous_integration(
    need: Callable[[], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(pytest.fail.Exception, match="not installed; continuous integration must have it"):
        need()
