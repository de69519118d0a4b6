"""The helpers of the tests: what they start ends with them, also when the start fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import chromium, guide, netns
from tests.support.gateway import GatewayProcess


def test_a_gateway_that_refuses_to_start_leaves_no_folder_and_no_process() -> None:
    gateway = GatewayProcess("--heartbeat-s", "never")
    folder = Path(gateway.folder.name)

    with pytest.raises(AssertionError, match="expected a number"):
        gateway.__enter__()

    assert gateway.process.poll() is not None
    assert not folder.exists()


def test_a_gateway_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.gateway.START_DEADLINE_S", 0.0)
    gateway = GatewayProcess()
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
