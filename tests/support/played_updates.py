"""Rollouts of a gateway in the test's process, and boards that a test plays message by message."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from tests.support.app import RunningApp

DEADLINE_S = 20.0
MAIN = b"print('hello')\n" * 200


async def upload(gateway: RunningApp, **files: bytes) -> Any:
    return await add_release(gateway, files)


async def add_release(gateway: RunningApp, files: dict[str, bytes], **more: str) -> Any:
    body = {"name": "lamp", "files": {name: base64.b64encode(data).decode() for name, data in files.items()}}
    return await gateway.ask("POST", "/api/releases", json=body | more)


async def deploy(gateway: RunningApp, *to: str, main: bytes = MAIN, **plan: Any) -> int:
    release = (await upload(gateway, **{"main.py": main})).json()["number"]
    answer = await gateway.ask("POST", "/api/rollouts", json={"release": release, "to": list(to), **plan})
    return int(answer.json()["number"])


async def key_of(gateway: RunningApp, device: str) -> bytes:
    return bytes.fromhex((await gateway.ask("POST", f"/api/devices/{device}/update-key")).json()["key"])


async def until(gateway: RunningApp, number: int, **counts: int) -> Any:
    """Returns the rollout once it has these numbers of boards in these states."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = (await gateway.get(f"/api/rollouts/{number}")).json()
            if found["counts"] == counts:
                return found
            await asyncio.sleep(0.02)


def keyed(**more: Any) -> dict[str, Any]:
    return {"state": "flashed", "counter": 0, "has_key": True, **more}
