"""The protocol of sd_notify: ready, alive and stopping go to the socket of the service manager, if there is one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.gateway.service_manager import ServiceManager, from_environment

DEADLINE_S = 10.0


@contextlib.contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        theirs.bind(address)
        theirs.settimeout(DEADLINE_S)
        yield theirs


def describe() -> str:
    return "all well"


async def test_ready_watchdog_and_stopping_are_told_in_turn(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000"}
    with listening(environment["NOTIFY_SOCKET"]) as theirs:
        manager = ServiceManager(environment, os.getpid())
        manager.tell_ready(describe)
        ready = theirs.recv(1_024)
        alive = await asyncio.to_thread(theirs.recv, 1_024)
        await manager.close()
        theirs.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while theirs.recv(1_024):
                pass
        manager.tell_stopping()
        stopping = theirs.recv(1_024)

    assert manager.is_there
    assert ready == b"READY=1\nSTATUS=all well"
    assert alive == b"WATCHDOG=1\nSTATUS=all well"
    assert stopping.startswith(b"STOPPING=1\n")


async def test_an_address_with_an_at_sign_is_abstract() -> None:
    name = f"darvaz-test-{os.getpid()}"
    with listening(f"\0{name}") as theirs:
        manager = ServiceManager({"NOTIFY_SOCKET": f"@{name}"}, os.getpid())
        manager.tell_ready(describe)

        assert theirs.recv(1_024).startswith(b"READY=1")


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "30000"}, {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "0"}],
    ids=["none", "no socket", "gone"],
)
async def test_without_a_service_manager_nothing_happens(environment: dict[str, str]) -> None:
    manager = ServiceManager(environment, os.getpid())

    manager.tell_ready(describe)
    manager.tell_stopping()
    await manager.close()


async def test_the_watchdog_of_another_process_is_not_ours(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"}
    with listening(environment["NOTIFY_SOCKET"]) as theirs:
        ServiceManager(environment, os.getpid()).tell_ready(describe)
        theirs.recv(1_024)

        assert asyncio.all_tasks() == {asyncio.current_task()}


def test_processes_that_the_gateway_starts_do_not_speak_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "1")

    assert from_environment().is_there
    assert "NOTIFY_SOCKET" not in os.environ and "WATCHDOG_USEC" not in os.environ
