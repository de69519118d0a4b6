"""Groups over HTTP: devices are put into them, keep them, and get one command together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from darvaz.gateway.devices.groups import GROUPS_PER_DEVICE_MAX
from tests.support.app import RunningApp
from tests.support.board import Board, board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(command_deadline_s=20.0) as running:
        yield running


async def groups_of(gateway: RunningApp) -> dict[str, list[str]]:
    found = (await gateway.get("/api/groups")).json()["groups"]
    return {group["name"]: group["devices"] for group in found}


async def change(gateway: RunningApp, group: str, **body: Any) -> Any:
    return (await gateway.ask("PATCH", f"/api/groups/{group}", json=body)).json()


async def carry_out(board: Board, **answer: Any) -> None:
    command = json.loads(await board.link.recv())
    await board.send("ack", id=command["id"], **answer)


async def test_a_device_is_in_several_groups_and_stays_in_them(gateway: RunningApp) -> None:
    async with board_at(gateway, "g-lamp"), board_at(gateway, "g-fan"):
        await change(gateway, "kitchen", add=["g-lamp", "g-fan"])
        await change(gateway, "lights", add=["g-lamp"])
    await gateway.restart()
    async with board_at(gateway, "g-lamp"):
        lamp = (await gateway.get("/api/devices/g-lamp")).json()

    assert lamp["groups"] == ["kitchen", "lights"]
    assert await groups_of(gateway) == {"kitchen": ["g-fan", "g-lamp"], "lights": ["g-lamp"]}


async def test_names_that_people_take_for_one_are_one_group(gateway: RunningApp) -> None:
    async with board_at(gateway, "fa-1"), board_at(gateway, "fa-2"):
        await change(gateway, "کلاس ۳", add=["fa-1"])
        joined = await change(gateway, "كلاس 3", add=["fa-2"])
        renamed = await change(gateway, "کلاس 3", name="کلاس ۴")
        ended = await gateway.ask("DELETE", "/api/groups/کلاس 4")

    assert joined == {"name": "کلاس ۳", "devices": ["fa-1", "fa-2"]}
    assert renamed == {"name": "کلاس ۴", "devices": ["fa-1", "fa-2"]}
    assert ended.status_code == 204
    assert "کلاس ۴" not in await groups_of(gateway)


async def test_one_command_to_a_group_has_a_result_for_each_device(gateway: RunningApp) -> None:
    async with board_at(gateway, "m-gone"):
        pass
    async with AsyncExitStack() as stack:
        good, bad = [await stack.enter_async_context(board_at(gateway, device)) for device in ("m-good", "m-bad")]
        await change(gateway, "many", add=["m-good", "m-bad", "m-gone"])
        body = {"groups": ["Many"], "devices": ["m-good"], "args": {"on": True}}
        asking = asyncio.create_task(gateway.post("/api/commands/led", json=body))
        await carry_out(good, status="ok", result={"on": True})
        await carry_out(bad, status="error", message="the relay is stuck")
        results = {found["device"]: found for found in (await asking).json()["results"]}

    assert results["m-good"] == {"device": "m-good", "status": "ok", "result": {"on": True}}
    assert (results["m-bad"]["code"], results["m-bad"]["detail"]) == ("refused_by_board", "the relay is stuck")
    assert results["m-gone"]["code"] == "offline"
    assert len(results) == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/api/groups/none", {"add": ["nobody-knows"]}, 404),
        ("DELETE", "/api/groups/none", None, 404),
        ("POST", "/api/commands/led", {"groups": ["none"]}, 404),
        ("POST", "/api/commands/led", {}, 422),
        ("PATCH", "/api/groups/a,b", {}, 404),
        ("PATCH", "/api/groups/a", {"name": " blank"}, 422),
    ],
)
async def test_what_names_nothing_is_refused(
    gateway: RunningApp, method: str, path: str, body: Any, status: int
) -> None:
    assert (await gateway.ask(method, path, json=body)).status_code == status


async def test_a_device_is_in_as_many_groups_as_it_may_be(gateway: RunningApp) -> None:
    names = [f"group {number}" for number in range(GROUPS_PER_DEVICE_MAX + 1)]
    async with board_at(gateway, "full"), board_at(gateway, "empty"):
        beyond = await gateway.ask("PATCH", "/api/devices/full", json={"groups": names})
        at_most = await gateway.ask("PATCH", "/api/devices/full", json={"groups": names[1:]})
        one_more = await change(gateway, "group 0", add=["empty", "full"])
        cleared = await gateway.ask("PATCH", "/api/devices/full", json={"groups": []})

    assert (beyond.status_code, at_most.status_code) == (422, 200)
    assert at_most.json()["groups"] == names[1:]
    assert one_more["detail"] == "full may be in 16 groups at most"
    assert "group 0" not in await groups_of(gateway)
    assert cleared.json()["groups"] == []


async def test_groups_are_told_as_events_and_journalled(gateway: RunningApp) -> None:
    async with board_at(gateway, "told"):
        await change(gateway, "barn", add=["told"])
        (entry,) = await gateway.journal(device="told", type="grouped")

    assert json.loads(entry.payload or "") == ["barn"]
