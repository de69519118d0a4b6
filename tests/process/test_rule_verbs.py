"""`darvaz rules` against a real gateway: listed, run at once, switched off, removed."""

from __future__ import annotations

import asyncio
import json

import httpx
from click.testing import CliRunner, Result

from darvaz.cli import cli
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

RULE = {"when": "time", "at": "07:00", "title": "Morning", "command": "on", "to_device": "lamp"}


async def run(gateway: GatewayProcess, *words: str) -> Result:
    env = {"DARVAZ_GATEWAY": gateway.url, "DARVAZ_DATA": str(gateway.data)}
    return await asyncio.to_thread(CliRunner(env=env).invoke, cli, ["rules", *words])


async def test_a_rule_is_listed_run_switched_off_and_removed() -> None:
    with GatewayProcess() as gateway:
        nothing = await run(gateway, "list")
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            rule = (await client.post("/api/rules", json=RULE)).json()["id"]
        failed = await run(gateway, "run", rule)
        async with board_at(gateway.ws_url, "lamp", commands={"on": {}}) as lamp:
            running = asyncio.create_task(run(gateway, "run", rule))
            message = await lamp.receive("command")
            await lamp.send("ack", id=message["id"], status="ok")
            done = await running
        off = await run(gateway, "remove", rule, "--off")
        listed = json.loads((await run(gateway, "list", "--json")).stdout)
        table = await run(gateway, "list")
        removed = await run(gateway, "remove", rule)
        unknown = await run(gateway, "remove", rule)

    assert "No rule yet" in nothing.output
    assert (failed.exit_code, "lamp" in failed.output) == (1, True)
    assert (done.exit_code, done.output) == (0, "Done.\n")
    assert (off.output, removed.output) == (f"Rule {rule} is off.\n", f"Rule {rule} is removed.\n")
    assert [(each["is_on"], [run["is_ok"] for run in each["runs"]]) for each in listed] == [(False, [True, False])]
    assert "07:00 on every day → lamp: on" in table.output
    assert unknown.exit_code == 1
