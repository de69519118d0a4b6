"""Measures what a gateway writes to its disk in a day: on a loop device of its own, by the kernel's count of sectors.

    python -m tools.card_wear --boards 5 --values 3 --every-s 10 --seconds 300

Needs root, for the device. The gateway has its default settings. The boards report and wait for the confirmation as
our firmware does. What is written during the time counts in proportion. Behind it the journal is read, for which the
gateway writes it into its database, and then the gateway stops, for which it writes all: the first counts as often as
the gateway does that by itself, every quarter of an hour, the second every hour, as the history is written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin.gateway_process import GatewayProcess

DAY_S = 86_400.0
_JOURNAL_EVERY_S = 900.0
_HISTORY_EVERY_S = 3600.0
_SECTOR_BYTES = 512
_DISK_BYTES = 1024**3
_FIRST_LIFE_S = 10.0
_SETTLE_S = 5.0
_COMMAND_DEADLINE_S = 60.0


@dataclass(frozen=True)
class Wear:
    """What was written, in bytes."""

    running: int
    journal: int
    stop: int
    seconds: float

    @property
    def per_day(self) -> float:
        """Bytes of a day."""
        flushes = self.journal / _JOURNAL_EVERY_S + self.stop / _HISTORY_EVERY_S
        return DAY_S * (self.running / self.seconds + flushes)


def main() -> None:
    """Measures, and prints a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boards", type=int, default=5)
    parser.add_argument("--values", type=int, default=3)
    parser.add_argument("--every-s", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--sync-interval-s", type=float, default=10.0)
    parser.add_argument("--mount-options", default="defaults", help="of the disk, as commit=60")
    wanted = parser.parse_args()
    load = (wanted.boards, wanted.values, wanted.every_s, wanted.seconds)
    wear = measure(*load, wanted.sync_interval_s, wanted.mount_options)
    values = wanted.boards * wanted.values * DAY_S / wanted.every_s
    print(
        f"{wanted.boards} boards, {wanted.values} values every {wanted.every_s:g} s:"
        f" {wear.per_day / 1e6:.1f} MB a day, {wear.per_day / values:.1f} bytes a value"
        f" (in {wear.seconds:g} s: {wear.running} running, {wear.journal} for the journal, {wear.stop} at the stop)"
    )


def measure(
    boards: int, values: int, every_s: float, seconds: float, sync_interval_s: float, mount_options: str
) -> Wear:
    """Runs a gateway with boards for some time and returns what it wrote."""
    disk = tempfile.TemporaryDirectory(prefix="darvaz-wear-")
    with disk as work, _disk(Path(work), mount_options) as (folder, device):
        options = ("--sync-interval-s", f"{sync_interval_s:g}")
        gateway = GatewayProcess(folder / "data", Path(work) / "log.txt", *options)
        try:
            # A first life makes the files, which happens once.
            gateway.start()
            asyncio.run(_run(gateway.ws_url, device, boards, values, 1.0, _FIRST_LIFE_S))
            gateway.stop()
            gateway.start()
            running = asyncio.run(_run(gateway.ws_url, device, boards, values, every_s, seconds))
            journal = _written_by(device, partial(_read_journal, gateway.url, folder / "data"))
            stop = _written_by(device, gateway.stop)
            return Wear(running, journal, stop, seconds)
        finally:
            gateway.close()


async def _run(url: str, device: str, boards: int, values: int, every_s: float, seconds: float) -> int:
    tasks = [asyncio.create_task(_report(url, number, values, every_s)) for number in range(boards)]
    await asyncio.sleep(_SETTLE_S)
    before = _written(device)
    await asyncio.sleep(seconds)
    written = _written(device) - before
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    return written


async def _report(url: str, number: int, values: int, every_s: float) -> None:
    """One board: values that change a little, as sensors' do."""
    chance = random.Random(number)
    now = {f"value_{name}": 20.0 + name for name in range(values)}
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    # Of a start of its own: what a board said before the gateway's restart would be dropped.
    introduction = {"type": "connect", "device": f"board-{number}", "boot_id": f"{start_s}", "uptime_ms": 0}
    async with connect(f"{url}/ws/pico", proxy=None, ping_interval=None) as link:
        await link.send(json.dumps(introduction))
        await asyncio.sleep(chance.uniform(0, every_s))
        sequence = 0
        while True:
            now = {name: round(value + chance.gauss(0, 0.05), 2) for name, value in now.items()}
            uptime_ms = int((loop.time() - start_s) * 1000)
            report = {"type": "telemetry", "values": now, "seq": sequence, "uptime_ms": uptime_ms}
            await link.send(json.dumps(report))
            await link.ping()
            sequence += 1
            await asyncio.sleep(every_s)


def _read_journal(url: str, data: Path) -> None:
    httpx.get(f"{url}/api/journal?limit=1", auth=LocalTokenAuth(url, data), trust_env=False).raise_for_status()


# The disk


def _written_by(device: str, act: Callable[[], object]) -> int:
    """Returns how many bytes an act has written, those that the system writes some seconds later included."""
    before = _written(device)
    act()
    time.sleep(_SETTLE_S)
    return _written(device) - before


@contextmanager
def _disk(work: Path, mount_options: str) -> Iterator[tuple[Path, str]]:
    """Lends an empty ext4 on a loop device of its own: where it is mounted, and the name of the device."""
    image, folder = work / "disk", work / "mounted"
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    folder.mkdir()
    _command("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    device = _command("losetup", "--find", "--show", str(image)).strip()
    try:
        _command("mount", "-o", mount_options, device, str(folder))
        try:
            yield folder, Path(device).name
        finally:
            _command("umount", str(folder))
    finally:
        _command("losetup", "--detach", device)


def _written(device: str) -> int:
    """Returns the bytes that were written to a device so far, those that wait included."""
    _command("sync")
    fields = Path(f"/sys/block/{device}/stat").read_text().split()
    return int(fields[6]) * _SECTOR_BYTES


def _command(*words: str) -> str:
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=_COMMAND_DEADLINE_S)
    return done.stdout


if __name__ == "__main__":
    main()
