"""The tests' own helpers: what they start ends with them, also when the start goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess


def test_a_gateway_that_refuses_to_start_leaves_no_folder_and_no_process() -> None:
    gateway = GatewayProcess("--heartbeat-s", "never")
    folder = Path(gateway._folder.name)

    with pytest.raises(AssertionError, match="expected a number"):
        gateway.__enter__()

    assert gateway.process.poll() is not None
    assert not folder.exists()


def test_a_gateway_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.gateway.START_DEADLINE_S", 0.0)
    gateway = GatewayProcess()
    folder = Path(gateway._folder.name)

    with pytest.raises(AssertionError, match="did not start"):
        gateway.__enter__()

    assert gateway.process.poll() is not None
    assert not folder.exists()


def test_a_gateway_that_ended_by_itself_still_leaves_no_folder() -> None:
    with GatewayProcess() as gateway:
        folder = Path(gateway._folder.name)
        gateway.kill()

    assert not folder.exists()
