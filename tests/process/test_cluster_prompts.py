"""The prompt of a board at another gateway: code and output pass through, and one person is at it at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

SESSION, OTHER = "0123456789ab", "ba9876543210"
PATH = "/api/devices/lathe/prompt"


async def ask(gateway: RunningApp, code: str, session: str = SESSION) -> Any:
    return await gateway.ask("POST", PATH, json={"session": session, "code": code})


async def answer(board: Board, **output: Any) -> dict[str, Any]:
    """Answers the next message for the prompt of a board."""
    got = await board.receive("prompt")
    await board.send("prompt_output", id=got["id"], **output)
    return got


async def test_code_runs_on_a_board_at_another_gateway_for_one_person_at_a_time(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        async with board_at(two, "lathe") as board:
            await settled(lambda: one.parts.hub.is_online("lathe"))
            asking = asyncio.create_task(ask(one, "print('سلام')"))
            got = await board.receive("prompt")
            in_use = await ask(two, "1", OTHER)
            for message in ({"state": "more", "text": "سل"}, {"state": "more", "text": "ام\n"}, {"state": "done"}):
                await board.send("prompt_output", id=got["id"], **message)
            printed = await asking
            closing = asyncio.create_task(one.ask("DELETE", f"{PATH}?session={SESSION}"))
            closed = await answer(board, state="done")
            await closing
            here = asyncio.create_task(ask(two, "2", OTHER))
            await answer(board, state="done")
            free = await here
            from_afar = await ask(one, "3")

    assert (got["code"], printed.json()["output"]) == ("print('سلام')", "سلام\n")
    assert (closed["step"], free.status_code) == ("close", 200)
    assert in_use.status_code == 409 and "somebody at the gateway" in in_use.json()["detail"]
    assert from_afar.status_code == 502 and "is at the prompt of lathe" in from_afar.json()["detail"]


async def test_a_board_that_leaves_the_other_gateway_ends_what_waits_for_its_prompt(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        async with board_at(two, "lathe") as board:
            await settled(lambda: one.parts.hub.is_online("lathe"))
            asking = asyncio.create_task(ask(one, "while True: pass"))
            await board.receive("prompt")
        ended = await asking
        offline = await ask(one, "1")

    assert (ended.status_code, offline.status_code) == (503, 503)
    assert "disconnected before its prompt answered" in ended.json()["detail"]
