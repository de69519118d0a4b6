"""Releases of a board's program in Home Assistant: its own client sees them, follows an update, and begins one."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aioesphomeapi import UpdateCommand, UpdateInfo

from darvaz.gateway.esphome import nodes
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.home_assistant import Assistant, assistant_at
from tests.support.updates import fall_back, receive_release

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    settings = {"home_assistant": True, "home_assistant_addresses": "127.0.0.1", "home_assistant_port": 0}
    async with RunningApp(**settings) as running:
        yield running


async def release(gateway: RunningApp, name: str, main: bytes = b"print('hello')\n" * 500) -> str:
    """Makes a release of a program, and returns its number."""
    body = {"name": name, "files": {"main.py": base64.b64encode(main).decode()}}
    return str((await gateway.post("/api/releases", json=body)).json()["number"])


async def deploy(gateway: RunningApp, number: str, device: str, **plan: Any) -> None:
    answer = await gateway.post("/api/rollouts", json={"release": int(number), "to": [device], **plan})
    assert answer.status_code == 201, answer.text


async def key_of(gateway: RunningApp, device: str) -> bytes:
    return bytes.fromhex((await gateway.post(f"/api/devices/{device}/update-key")).json()["key"])


def running(number: str, **more: Any) -> dict[str, Any]:
    """Returns what a board says of its program while a release is good."""
    return {"state": "good", "release": number, "counter": 1, "has_key": True, **more}


def install(home: Assistant) -> None:
    """Clicks on the button of an update."""
    home.client.update_command(home.entities["program"].key, UpdateCommand.INSTALL)


async def test_a_newer_release_of_its_program_is_offered_to_a_board(gateway: RunningApp) -> None:
    await key_of(gateway, "lamp")
    first = await release(gateway, "lamp")
    async with board_at(gateway, "lamp", program=running(first)), assistant_at(gateway, "lamp") as home:
        before = await home.state("program")
        await release(gateway, "another program")
        second = await release(gateway, "lamp", b"newer")
        after = await home.state("program", lambda state: state.latest_version != first)

    assert isinstance(home.entities["program"], UpdateInfo)
    assert (before.title, before.current_version, before.latest_version) == ("lamp", first, first)
    assert (after.current_version, after.latest_version, after.in_progress) == (first, second, False)


async def test_an_update_is_begun_in_home_assistant_and_its_progress_seen(
    gateway: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "TICK_S", 0.02)
    key = await key_of(gateway, "pump")
    first = await release(gateway, "pump", b"first")
    second = await release(gateway, "pump")
    async with board_at(gateway, "pump", program=running(first)) as board, assistant_at(gateway, "pump") as home:
        install(home)
        begun = await home.state("program", lambda state: state.in_progress)
        seen: list[float] = []

        async def note(part: int) -> None:
            state = await home.state("program", lambda state: state.has_progress and state.progress not in seen)
            seen.append(state.progress)

        files = await receive_release(board, key, on_part=note)
    async with board_at(gateway, "pump", program=running(second)), assistant_at(gateway, "pump") as home:
        done = await home.state("program")

    assert files == {"main.py": b"print('hello')\n" * 500}
    assert (begun.current_version, begun.latest_version) == (first, second)
    assert len(seen) == 9 and seen == sorted(seen) and 0 <= seen[0] < seen[-1] < 100
    assert (done.current_version, done.in_progress) == (second, False)
    entries = await gateway.journal(type="update requested")
    assert [(entry.device, entry.payload) for entry in entries] == [("pump", f"release {second}")]


async def test_why_a_board_went_back_is_shown(gateway: RunningApp) -> None:
    await key_of(gateway, "valve")
    first, second = await release(gateway, "valve", b"first"), await release(gateway, "valve")
    async with board_at(gateway, "valve", program=running(first)) as board, assistant_at(gateway, "valve") as home:
        install(home)
        counter = await fall_back(board)
    back = running(first, state="fell_back", counter=counter, failed=counter, reason="line 3: no sensor")
    async with board_at(gateway, "valve", program=back), assistant_at(gateway, "valve") as home:
        state = await home.state("program")

    assert (state.current_version, state.latest_version) == (first, second)
    assert (state.release_summary, state.in_progress) == ("fell back: line 3: no sensor", False)


async def test_a_board_has_the_entity_from_its_first_release_on(gateway: RunningApp) -> None:
    stopped = asyncio.Event()

    async def stop(is_expected: bool) -> None:
        stopped.set()

    await key_of(gateway, "fresh")
    number = await release(gateway, "fresh")
    flashed = {"state": "flashed", "has_key": True}
    async with board_at(gateway, "fresh", program=flashed):
        async with assistant_at(gateway, "fresh", on_stop=stop) as home:
            before = "program" in home.entities
            await deploy(gateway, number, "fresh")
            async with asyncio.timeout(20):
                await stopped.wait()
        async with assistant_at(gateway, "fresh") as home:
            state = await home.state("program")

    assert not before
    assert (state.current_version, state.latest_version, state.in_progress) == ("flashed", number, True)


async def test_what_runs_only_until_the_next_start_is_no_release_to_offer(gateway: RunningApp) -> None:
    await key_of(gateway, "bench")
    first = await release(gateway, "bench", b"first")
    tried = await release(gateway, "bench", b"second")
    async with board_at(gateway, "elsewhere", program={"state": "flashed"}):
        await deploy(gateway, tried, "elsewhere", once=True)
    async with board_at(gateway, "bench", program=running(first)), assistant_at(gateway, "bench") as home:
        state = await home.state("program")

    assert (state.current_version, state.latest_version) == (first, first)


@pytest.mark.parametrize("program", [{}, {"state": "good", "release": "1", "has_key": False}])
async def test_a_board_that_takes_no_updates_has_no_such_entity(gateway: RunningApp, program: dict[str, Any]) -> None:
    more: dict[str, Any] = {"program": program} if program else {}
    async with board_at(gateway, "simple", **more), assistant_at(gateway, "simple") as home:
        assert "program" not in home.entities
