"""Virtual boards that take updates, with waits of a second instead of a minute, and programs to give them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.support.board import Board
from tests.support.gateway import GatewayProcess
from tests.support.micropython import LIBRARY
from tests.support.patched_library import write_library

DEADLINE_S = 60.0
QUICK = {
    "trial": {"GOOD_MS": 700, "TRIAL_MS": 6000, "HEALTHY_MS": 300, "UNHEALTHY_MS": 300, "LOOK_MS": 50},
    "retrying": {"FIRST_MS": 20, "SHORTEST_MS": 1, "LONGEST_MS": 60, "RESTART_LONGEST_MS": 60},
}
QUICK_LOADER = {"WATCHDOG_MS": 1500, "PAUSE_S": 0}
GOOD = """
import board
from darvaz import Device

device = Device(board)

@device.command
def release():
    return {number}
{more}
device.run()
"""


def program(number: int, more: str = "") -> bytes:
    """Returns a main.py that answers `release` with a number; `more` stands before it runs."""
    return GOOD.format(number=number, more=more).encode()


def write_board(folder: Path, gateway: GatewayProcess, device: str, **settings: Any) -> Path:
    """Fills the flash of a board that takes updates quickly, with the example program and a key."""
    key = gateway.post(f"/api/devices/{device}/update-key").json()["key"]
    write_flash(folder, "pico", device, gateway.ws_url, gateway.token(), update_key=key, **settings)
    write_library(folder / "lib", QUICK)
    text = (LIBRARY / "darvaz_loader.py").read_text(encoding="utf-8")
    for name, value in QUICK_LOADER.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
        assert count == 1
    (folder / "lib/darvaz_loader.mpy").unlink(missing_ok=True)
    (folder / "lib/darvaz_loader.py").write_text(text, encoding="utf-8")
    return folder


def make_board(folder: Path, gateway: GatewayProcess, device: str, **settings: Any) -> VirtualBoard:
    """Returns a board that is off."""
    return VirtualBoard("pico", write_board(folder, gateway, device, **settings), name=device)


def upload(gateway: GatewayProcess, files: dict[str, bytes], name: str = "lamp") -> int:
    """Makes a release and returns its number."""

    body = {"name": name, "files": {path: base64.b64encode(data).decode() for path, data in files.items()}}
    answer = gateway.post("/api/releases", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["number"])


def deploy(gateway: GatewayProcess, release: int, *to: str, **plan: Any) -> int:
    """Begins a rollout and returns its number."""
    answer = gateway.post("/api/rollouts", json={"release": release, "to": list(to), **plan})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["number"])


def states(gateway: GatewayProcess, rollout: int) -> dict[str, str]:
    """Returns the state of each board of a rollout."""
    found = gateway.get(f"/api/rollouts/{rollout}").json()
    return {target["device"]: target["state"] for target in found["targets"]}


async def until(gateway: GatewayProcess, rollout: int, is_reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Returns a rollout once it is as it should be."""
    give_up = time.monotonic() + DEADLINE_S
    while True:
        found: dict[str, Any] = await asyncio.to_thread(lambda: gateway.get(f"/api/rollouts/{rollout}").json())
        if is_reached(found):
            return found
        assert time.monotonic() < give_up, found
        await asyncio.sleep(0.1)


async def until_online(gateway: GatewayProcess, *devices: str) -> None:
    """Returns once all of these are online."""
    give_up = time.monotonic() + DEADLINE_S
    while True:
        found = (await asyncio.to_thread(lambda: gateway.get("/api/devices").json()))["devices"]
        if {device["id"] for device in found if device["online"]} >= set(devices):
            return
        assert time.monotonic() < give_up, found
        await asyncio.sleep(0.1)


async def until_introduced(gateway: GatewayProcess, device: str, state: str) -> Any:
    """Returns the `connect` of a board that says its program is in this state, and is online."""
    give_up = time.monotonic() + DEADLINE_S
    path = f"/api/journal?type=connect&device={device}&limit=1"
    while True:
        entries = (await asyncio.to_thread(gateway.get, path)).json()["rows"]
        found = json.loads(entries[0]["payload"]) if entries else {}
        if found.get("program", {}).get("state") == state:
            await until_online(gateway, device)
            return found
        assert time.monotonic() < give_up, found
        await asyncio.sleep(0.1)


async def fall_back(board: Board) -> int:
    """Plays a board that takes an update whose program fails; returns its counter."""
    counter = 0
    states = {"offer": "complete", "commit": "trial"}
    while True:
        message = await board.receive("update")
        if message["step"] == "offer":
            counter = json.loads(message["header"])["counter"]
        await board.send("update_state", id=message["id"], status="ok", state=states[message["step"]])
        if message["step"] == "commit":
            return counter


async def receive_release(
    board: Board, key: bytes, on_part: Callable[[int], Awaitable[None]] | None = None, *, least: str | None = None
) -> dict[str, bytes]:
    """Plays a board that takes all of an update, and returns the files in it; `on_part` waits before each part.

    `least` is the version of MicroPython that the update must name.
    """
    message = await board.receive("update")
    header = json.loads(message["header"])
    assert hmac.new(key, message["header"].encode(), "sha256").hexdigest() == message["mac"]
    assert header.get("least") == least
    manifest = await receive_file(board, message, -1, header["bytes"], on_part)
    assert hashlib.sha256(manifest[0]).hexdigest() == header["manifest"]
    message, files = manifest[1], {}
    for number, line in enumerate(manifest[0].decode().splitlines()):
        sha256, size, path = line.split(" ", 2)
        files[path], message = await receive_file(board, message, number, int(size), on_part)
        assert hashlib.sha256(files[path]).hexdigest() == sha256
    await board.send("update_state", id=message["id"], status="ok", state="complete")
    message = await board.receive("update")
    await board.send("update_state", id=message["id"], status="ok", state="trial")
    await board.send("update_state", status="ok", state="good", counter=header["counter"])
    return files


async def receive_file(
    board: Board, message: Any, number: int, size: int, on_part: Callable[[int], Awaitable[None]] | None = None
) -> tuple[bytes, Any]:
    """Plays a board that takes one file; returns it, and the message that follows."""
    data = b""
    while len(data) < size:
        state = {"state": "receiving", "file": number, "at": len(data)}
        await board.send("update_state", id=message["id"], status="ok", **state)
        message = await board.receive("update")
        data += base64.b64decode(message["data"])
        if on_part is not None:
            await on_part(number)
    return data, message
