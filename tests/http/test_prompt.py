"""The prompt over HTTP, with a board that a test plays: answers, refusals, one user at a time, and the journal."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from darvaz.gateway.prompts import prompts
from tests.support.app import RunningApp
from tests.support.board import Board, board_at

SESSION, OTHER = "0123456789ab", "ba9876543210"


async def ask(gateway: RunningApp, code: str, session: str = SESSION, **more: Any) -> Any:
    return await gateway.ask("POST", "/api/devices/pump/prompt", json={"session": session, "code": code, **more})


async def answer(board: Board, *messages: dict[str, Any]) -> dict[str, Any]:
    """Answers the next code that the board gets."""
    got = await board.receive("prompt")
    for message in messages:
        await board.send("prompt_output", id=got["id"], **message)
    return got


async def test_code_is_run_and_its_output_put_together() -> None:
    trace = 'Traceback:\n  File "/lib/darvaz/prompt.mpy", line 9, in _execute\n  File "<string>", line 1\nE: x\n'
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        more = {"state": "more", "text": "a"}, {"state": "more", "text": "b\n"}, {"state": "more", "error_text": trace}
        asking = asyncio.create_task(ask(gateway, "print('ab')"))
        got = await answer(board, *more, {"state": "done"})
        body = (await asking).json()
        entries = (await gateway.get("/api/journal?device=pump")).json()["rows"]

    assert (got["step"], got["code"]) == ("run", "print('ab')")
    assert body == {"output": "ab\n", "error": 'Traceback:\n  File "<string>", line 1\nE: x\n'}
    [journalled] = [entry for entry in entries if entry["type"] == "prompt"]
    assert json.loads(journalled["payload"])["code"] == "print('ab')"
    assert "at 127.0.0.1" in json.loads(journalled["payload"])["by"]
    assert not [entry for entry in entries if entry["type"] == "prompt_output"]


async def test_long_code_arrives_in_parts() -> None:
    code = "x = 1\n" * 1500
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        asking = asyncio.create_task(ask(gateway, code, value=True))
        got = [await answer(board, {"state": "done"})]
        while got[-1]["step"] == "part":
            got.append(await answer(board, {"state": "done"}))
        assert (await asking).status_code == 200

    assert len(got) > 1 and got[-1]["step"] == "value"
    assert "".join(part["code"] for part in got) == code


async def test_a_second_user_is_told_who_is_there() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        asking = asyncio.create_task(ask(gateway, "1"))
        got = await board.receive("prompt")
        refused = await ask(gateway, "2", OTHER)
        await board.send("prompt_output", id=got["id"], state="done")
        await asking
        closing = asyncio.create_task(gateway.ask("DELETE", f"/api/devices/pump/prompt?session={SESSION}"))
        closed = await answer(board, {"state": "done"})
        assert (await closing).status_code == 204
        asking = asyncio.create_task(ask(gateway, "2", OTHER))
        await answer(board, {"state": "done"})
        assert (await asking).status_code == 200

    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "an operator at 127.0.0.1 is at the prompt of pump" in refused.json()["detail"]
    assert closed["step"] == "close"


async def test_a_board_that_refuses_is_quoted() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        asking = asyncio.create_task(ask(gateway, "1"))
        await answer(board, {"state": "refused", "message": "the prompt of this board is off"})
        refused = await asking

    assert (refused.status_code, refused.json()["detail"]) == (502, "the prompt of this board is off")


async def test_a_link_that_is_cut_ends_the_wait() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pump") as board:
            asking = asyncio.create_task(ask(gateway, "while True: pass"))
            await board.receive("prompt")
        refused = await asking
        offline = await ask(gateway, "1")

    assert (refused.status_code, refused.json()["code"]) == (503, "offline")
    assert (offline.status_code, offline.json()["code"]) == (503, "offline")


async def test_output_without_end_is_cut_off() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        asking = asyncio.create_task(ask(gateway, "1"))
        await answer(board, *[{"state": "more", "text": "x" * 1400}] * 190)
        refused = await asking

    assert refused.status_code == 502 and "more than 262144 characters" in refused.json()["detail"]


async def test_another_boards_answer_is_not_taken() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board, board_at(gateway, "well") as well:
        asking = asyncio.create_task(ask(gateway, "1"))
        got = await board.receive("prompt")
        await well.send("prompt_output", id=got["id"], state="done")
        await well.send("ping")
        await well.receive("pong")
        await board.send("prompt_output", id=got["id"], state="more", text="mine")
        await board.send("prompt_output", id=got["id"], state="done")

        assert (await asking).json()["output"] == "mine"


async def ask_stopped(gateway: RunningApp, step: str, session: str = SESSION, **fields: Any) -> Any:
    return await gateway.ask("POST", f"/api/devices/pump/prompt/{step}", json={"session": session, **fields})


async def read(gateway: RunningApp, at: int) -> Any:
    return await gateway.get(f"/api/devices/pump/prompt/output?session={SESSION}&at={at}")


async def stop(gateway: RunningApp, board: Board, **more: int) -> None:
    asking = asyncio.create_task(ask_stopped(gateway, "stop"))
    assert (await answer(board, {"state": "done", **more}))["step"] == "stop"
    assert (await asking).status_code == 204


async def test_code_in_place_of_the_program_has_input_and_output() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        early = await ask_stopped(gateway, "code", code="1")
        await stop(gateway, board)
        started = await ask_stopped(gateway, "code", code="input()")
        got = await board.receive("prompt")
        await board.send("prompt_output", id=got["id"], state="more", data="PyA=")
        first = (await read(gateway, 0)).json()
        typed = await ask_stopped(gateway, "input", data=base64.b64encode(b"x" * 1000).decode())
        pieces = [await board.receive("prompt"), await board.receive("prompt")]
        second = await ask_stopped(gateway, "code", code="2")
        beside = await ask(gateway, "3")
        await board.send("prompt_output", id=got["id"], state="more", error_text="E: x\n")
        await board.send("prompt_output", id=got["id"], state="done")
        ended = (await read(gateway, 2)).json()
        entries = (await gateway.get("/api/journal?device=pump&type=prompt")).json()["rows"]

    assert (early.status_code, early.json()["code"]) == (409, "not_stopped")
    assert (started.status_code, typed.status_code) == (204, 204)
    assert first == {"at": 0, "data": "PyA=", "running": True, "error": None}
    assert b"".join(base64.b64decode(piece["data"]) for piece in pieces) == b"x" * 1000
    assert (second.status_code, beside.status_code) == (409, 409)
    assert ended == {"at": 2, "data": "", "running": False, "error": "E: x\n"}
    payloads = [json.loads(entry["payload"]) for entry in entries]
    assert {"stopped": True, "by": payloads[0]["by"]} in payloads and "input()" in {
        entry.get("code") for entry in payloads
    }


async def test_a_stopped_board_that_goes_away_is_told() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pump") as board:
            await stop(gateway, board)
            await ask_stopped(gateway, "code", code="while True: pass")
            await board.receive("prompt")
            reading = asyncio.create_task(read(gateway, 0))
            await board.send("ping")
            await board.receive("pong")
        refused = await reading
        other = await ask_stopped(gateway, "code", OTHER, code="1")

    assert (refused.status_code, refused.json()["code"]) == (503, "offline")
    assert other.json()["code"] == "in_use"


async def test_input_beyond_what_waits_is_refused_and_ctrl_c_drops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "INPUT_WAIT_S", 0.01)
    piece = base64.b64encode(b"x" * 6144).decode()
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        await stop(gateway, board, input_bytes_max=768)
        await ask_stopped(gateway, "code", code="deaf()")
        code = await board.receive("prompt")
        typed = [await ask_stopped(gateway, "input", data=piece) for _ in range(11)]
        kept = await board.receive("prompt")
        monkeypatch.setattr(prompts, "INPUT_WAIT_S", 60)
        interrupting = asyncio.create_task(ask_stopped(gateway, "input", data="Aw=="))
        step = await board.receive("prompt")
        await board.send("prompt_output", id=code["id"], state="more", interrupted=True)
        interrupted = await interrupting
        await ask_stopped(gateway, "input", data="bmV3")
        after = await board.receive("prompt")

    assert [answered.status_code for answered in typed] == [204] * 10 + [409]
    assert typed[-1].json()["code"] == "input_full" and "6144 bytes are dropped" in typed[-1].json()["detail"]
    assert (len(base64.b64decode(kept["data"])), step["step"]) == (768, "interrupt")
    assert (interrupted.status_code, after["data"]) == (204, "bmV3")


async def test_input_that_is_not_base64_is_refused() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        await stop(gateway, board)
        refused = await ask_stopped(gateway, "input", data="?")

    assert (refused.status_code, refused.json()["detail"]) == (422, "data: expected base64")


async def test_a_board_that_does_not_stop_is_free_for_others() -> None:
    async with RunningApp() as gateway, board_at(gateway, "pump") as board:
        stopping = asyncio.create_task(ask_stopped(gateway, "stop"))
        await answer(board, {"state": "refused", "message": "a release is on trial"})
        refused = await stopping
        other = asyncio.create_task(ask(gateway, "1", OTHER))
        await answer(board, {"state": "done"})
        await other

    assert (refused.status_code, refused.json()["detail"]) == (502, "a release is on trial")
    assert other.result().status_code == 200
