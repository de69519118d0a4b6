"""The power is cut at every moment of a scripted life: what was answered or confirmed is there, nothing is damaged.

The suite tries some moments; `DARVAZ_POWER_CUTS=1000 pytest -s -o timeout=900` lives longer and tries that many.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from darvaz.client.local_token import LocalTokenAuth
from darvaz.gateway.app import build_parts
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings
from darvaz.gateway.telemetry.history_queries import plot
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support import power_cut
from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess
from tests.support.journalled import lines

MOMENTS = int(os.environ.get("DARVAZ_POWER_CUTS", "20"))
ROUNDS = max(3, MOMENTS // 20)
UPTIME_MS = 10**7

Look = Callable[["After"], bool]


@dataclass
class Promises:
    """What was answered, from which position of the notes on, and how to see that it is true."""

    work: Path
    made: list[tuple[int, str, Look]] = field(default_factory=list)

    def note(self, sentence: str, look: Look) -> None:
        self.made.append((power_cut.position(self.work), sentence, look))

    def broken(self, after: After, position: int) -> list[str]:
        """Returns the promises made before a position that are not kept."""
        return [sentence for since, sentence, look in self.made if since <= position and not look(after)]


class After:
    """A gateway that was started on what a power cut left."""

    def __init__(self, data: Path, parts: Parts) -> None:
        self.data, self.parts = data, parts
        self.entries = lines(data)
        with closing(open_history(data)) as connection:
            rows = connection.execute("SELECT device, name FROM series").fetchall()
            self.readings = {key: self._read(connection, *key) for key in rows}

    def _read(self, connection: sqlite3.Connection, device: str, name: str) -> Counter[int]:
        now_s = time.time()
        found = plot(
            connection, device, name, now_s - 3600, now_s + 3600, 2000, self.parts.history.waiting(device, name)
        )
        return Counter({int(point.mean): point.count for point in found.points})

    def numbers(self, device: str) -> Counter[int]:
        """Returns how often each number of a board is in the journal."""
        found = [json.loads(entry.payload or "") for entry in self.entries if entry.device == device
                 and entry.direction == "<"]  # fmt: skip
        return Counter(message["seq"] for message in found if "seq" in message)

    def damage(self) -> list[str]:
        """Returns what is damaged, or there twice."""
        found = [note for writer in self.parts.writers for note in writer.notes]
        for name in ("darvaz.sqlite3", "history.sqlite3"):
            with closing(sqlite3.connect(self.data / name)) as connection:
                found += [f"{name}: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
        devices = {entry.device for entry in self.entries}
        counts = [self.numbers(device) for device in devices if device] + list(self.readings.values())
        return found + [f"twice: {counted}" for counted in counts if counted and max(counted.values()) > 1]


async def live(gateway: GatewayProcess, promises: Promises) -> None:
    """Does what people and boards do, and notes what they were told."""
    auth = LocalTokenAuth(gateway.url, gateway.data)
    async with httpx.AsyncClient(base_url=gateway.url, auth=auth, trust_env=False, timeout=30) as people:
        for round_ in range(ROUNDS):
            async with board_at(gateway.ws_url, f"b{round_}", boot_id="b1", uptime_ms=UPTIME_MS) as board:
                await count(board, f"b{round_}", promises)
                await change_device(people, f"b{round_}", promises)
            if round_ % 2:
                await forget(people, f"b{round_}", promises)
            await change_tokens(people, promises)


async def count(board: Board, device: str, promises: Promises) -> None:
    """A board sends numbered lines and readings, and is told that they are kept."""
    for end in (4, 8):
        for number in range(end - 4, end, 2):
            await board.send("log", message="line", seq=number, uptime_ms=UPTIME_MS)
            await board.send("telemetry", values={"n": number + 1}, seq=number + 1, uptime_ms=UPTIME_MS + number)
        await (await board.link.ping())
        promises.note(f"{device} was told that {end} are kept", kept(device, end))


def kept(device: str, end: int) -> Look:
    def look(after: After) -> bool:
        if any(entry.type == "forgotten" and entry.device == device for entry in after.entries):
            return True
        numbers, readings = after.numbers(device), after.readings.get((device, "n"), Counter())
        return all(numbers[number] == 1 for number in range(end)) and all(
            readings[number] == 1 for number in range(1, end, 2)
        )

    return look


async def change_device(people: httpx.AsyncClient, device: str, promises: Promises) -> None:
    await answered(people.patch(f"/api/devices/{device}", json={"label": "Kitchen"}))

    def look(after: After) -> bool:
        known = after.parts.devices.get(device)
        return known is None or known.label == "Kitchen"

    promises.note(f"the label of {device}", look)


async def forget(people: httpx.AsyncClient, device: str, promises: Promises) -> None:
    await answered(people.delete(f"/api/devices/{device}"))
    promises.note(
        f"{device} is forgotten",
        lambda after: after.parts.devices.get(device) is None and not after.readings.get((device, "n")),
    )


async def change_tokens(people: httpx.AsyncClient, promises: Promises) -> None:
    issued = (await answered(people.post("/api/tokens", json={"kind": "operator"}))).json()["id"]
    promises.note(f"token {issued} is issued", lambda after: after.parts.access.tokens.find(issued) is not None)
    await answered(people.delete(f"/api/tokens/{issued}"))
    promises.note(f"token {issued} is revoked", lambda after: not after.parts.access.tokens.is_live(issued))


async def answered(request: Awaitable[httpx.Response]) -> httpx.Response:
    response = await request
    assert response.is_success, response.text
    return response


def start_after(folder: Path) -> After:
    """Starts the parts of a gateway on a folder, as far as they read it."""
    return After(folder, build_parts(Settings(data=str(folder))))


def end(after: After) -> None:
    parts = after.parts
    for writer in parts.writers:
        writer.stop()
    for writer in parts.writers:
        writer.close()
    parts.reader.close()
    parts.history_reader.close()
    parts.access.close()


async def test_what_was_answered_survives_a_power_cut_at_every_moment(tmp_path: Path) -> None:
    data = tmp_path / "data"
    promises = Promises(tmp_path)
    with GatewayProcess(data=data, env=power_cut.preload(tmp_path, data), is_exec=True) as gateway:
        await live(gateway, promises)
        gateway.kill()

    disk, chance, broken, tried = power_cut.Disk(tmp_path), random.Random(MOMENTS), {}, 0
    assert len(disk) > 2 * ROUNDS
    moments = set(chance.sample(range(len(disk)), min(MOMENTS, len(disk))))
    for number in disk.play():
        if number not in moments:
            continue
        folder = tmp_path / f"after-{number}"
        if number % 2:
            disk.copy_torn_to(folder, number, chance)
        else:
            disk.copy_to(folder)
        after = start_after(folder)
        tried += 1
        found = after.damage() + promises.broken(after, disk.position)
        end(after)
        if found:
            broken[number] = found

    print(f"{tried} moments of {len(disk)} syncs, {len(promises.made)} promises")
    assert broken == {}
