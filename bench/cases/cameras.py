"""What it costs to show a camera to many: the gateway's viewers against bare `transport.write`, in one run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from bench.audience import Seen, Show, Way, masked, show, upgrade
from bench.baselines import bare_fan_out
from bench.case import Bench, Extent, Goal, Result, at_most
from bench.children import Child, free_port, wait_for_port
from bench.gateway import Gateway
from bench.series import ratios, series
from bench.sheets import Sheet

VIEWERS = (1, 10, 50, 100)
VIEWERS_QUICK = (1, 10)
FPS = 60.0
FRAME_BYTES = 25_000
GOALS = {"websocket": 1.3, "mjpeg": 1.5}
_BARE = "bare"
_CAMERA = "bench"


class Cameras:
    """A camera of sixty frames a second and its viewers; counted are frames that arrive, and their price."""

    name = "cameras"
    title = "Cameras"

    def steps(self, extent: Extent) -> int:
        return len(_crowds(extent)) * extent.rounds

    def run(self, bench: Bench) -> Result:
        plan = Show(FPS, FRAME_BYTES, bench.extent.window_ms * 2 / 1000)
        rows: list[dict[str, Any]] = []
        with _ways(bench) as ways:
            for viewers in _crowds(bench.extent):
                found: dict[str, list[Seen]] = {way.name: [] for way in ways}
                for number in range(bench.extent.rounds):
                    bench.steps.begin(f"a camera for {viewers}, round {number + 1} of {bench.extent.rounds}")
                    # In another order each time, so that a slow moment hits all of them.
                    for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
                        found[way.name].append(uvloop.run(show(way, viewers, plan)))
                rows += [_row(way, viewers, found) for way in ways]
        return {"fps": FPS, "frame_bytes": FRAME_BYTES, "rows": rows}

    def sheets(self, result: Result) -> list[Sheet]:
        columns = ("viewers by", "viewers", "frames/s", "CPU µs/frame", "× bare write", "memory MB")
        sheet = Sheet(f"A camera of {result['fps']:g} frames/s of {result['frame_bytes'] // 1000} KB", columns)
        for row in result["rows"]:
            rate, cost_us, times, kb = (
                row[name]["median"] for name in ("rate_per_s", "cpu_us", "times", "resident_kb")
            )
            said = [f"{row['viewers']}", f"{rate:,.0f}", f"{cost_us:.1f}", f"{times:.2f}", f"{kb / 1024:.0f}"]
            sheet.rows.append((row["title"], *said))
        return [sheet]

    def goals(self, result: Result) -> list[Goal]:
        most = max(row["viewers"] for row in result["rows"])
        return [
            at_most(f"{row['title']}, {most} viewers, by bare writes", GOALS[row["way"]], "×", row["times"]["median"])
            for row in result["rows"]
            if row["viewers"] == most and row["way"] in GOALS
        ]


def _crowds(extent: Extent) -> tuple[int, ...]:
    return VIEWERS_QUICK if extent.is_quick else VIEWERS


def _row(way: Way, viewers: int, found: dict[str, list[Seen]]) -> dict[str, Any]:
    cost_us, limit_us = (series(seen.cpu_us for seen in found[name]) for name in (way.name, _BARE))
    return {
        "way": way.name,
        "title": way.title,
        "viewers": viewers,
        "rate_per_s": series(seen.frames_per_s for seen in found[way.name]),
        "cpu_us": cost_us,
        "times": ratios(cost_us, limit_us),
        "resident_kb": series(seen.resident_kb for seen in found[way.name]),
    }


@contextlib.contextmanager
def _ways(bench: Bench) -> Iterator[list[Way]]:
    frame = b"\xff\xd8" + bytes(FRAME_BYTES - 4) + b"\xff\xd9"
    folder = bench.folder / "cameras"
    with Gateway(folder, bench.cores.server, 1) as gateway, _bare(folder, bench.cores.server, frame) as limit:
        yield [limit, *_gateway_ways(gateway, frame)]


@contextlib.contextmanager
def _bare(folder: Path, core: int | None, frame: bytes) -> Iterator[Way]:
    port, camera_port = free_port(), free_port()
    command = [sys.executable, str(Path(bare_fan_out.__file__)), str(port), str(camera_port)]
    with Child(command, core=core, log=folder / "bare.txt") as child:
        wait_for_port(port)
        packet = len(frame).to_bytes(4, "big") + frame
        yield Way(_BARE, "bare transport.write", child.pid, port, b"", camera_port, b"", b"", packet)


def _gateway_ways(gateway: Gateway, frame: bytes) -> list[Way]:
    opening = masked(1, b'{"type":"connect","device":"%s"}' % _CAMERA.encode())
    get = f"GET /api/devices/{_CAMERA}/stream.mjpeg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    hellos = (("websocket", "WebSocket", upgrade(f"/ws/view/{_CAMERA}")), ("mjpeg", "MJPEG", get))
    camera, port = upgrade("/ws/esp32cam"), gateway.port
    packet = masked(2, frame)
    return [Way(name, title, gateway.pid, port, hello, port, camera, opening, packet) for name, title, hello in hellos]
