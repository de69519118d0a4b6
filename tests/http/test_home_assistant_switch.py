"""Boards are shown to Home Assistant, or not, by a switch of the running gateway."""

from __future__ import annotations

import asyncio
import os

import pytest

from darvaz.gateway.esphome import switch
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.home_assistant import assistant_at, node_of
from tests.support.many_devices import connect_many

pytestmark = pytest.mark.asyncio


async def test_boards_are_shown_from_the_moment_it_is_turned_on_and_over_a_restart() -> None:
    async with RunningApp(home_assistant_addresses="127.0.0.1", home_assistant_port=0) as gateway:
        async with board_at(gateway, "switched"):
            before = (await gateway.get("/api/home-assistant")).json()
            answer = await gateway.ask("PUT", "/api/home-assistant", json={"is_on": True})
            async with assistant_at(gateway, "switched") as home:
                name = (await home.client.device_info()).name
        await gateway.restart()
        node = await node_of(gateway, "switched")
        await gateway.ask("PUT", "/api/home-assistant", json={"is_on": False})
        await gateway.restart()
        end = (await gateway.get("/api/home-assistant")).json()
        entries = [line.payload for line in await gateway.journal(type="home assistant switched")]

    assert (before["is_on"], before["nodes"], answer.status_code, name) == (False, [], 200, "darvaz-switched")
    assert (node["name"], end["is_on"], end["nodes"], entries) == (name, False, [], ["on", "off"])


async def test_turned_off_while_ports_are_opened_none_stays_open() -> None:
    async with RunningApp(home_assistant_addresses="127.0.0.1", home_assistant_port=0) as gateway:
        connect_many(gateway.parts, 30)
        await gateway.parts.home_assistant.turn(is_on=True)
        await gateway.parts.home_assistant.turn(is_on=False)
        before = os.listdir("/dev/fd")
        for turns in range(40):
            await gateway.parts.home_assistant.turn(is_on=True)
            for _ in range(turns):
                await asyncio.sleep(0)
            await gateway.parts.home_assistant.turn(is_on=False)
        after = os.listdir("/dev/fd")

    assert len(after) <= len(before)


async def test_without_the_packages_the_answer_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "find_spec", lambda _: None)
    async with RunningApp() as gateway:
        answer = await gateway.ask("PUT", "/api/home-assistant", json={"is_on": True})

    assert answer.status_code == 409
    assert "[homeassistant]" in answer.json()["detail"]
