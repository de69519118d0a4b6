"""The cost of a camera's viewers: the gateway against bare `transport.write`, in the same rounds."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from bench.baselines import bare_fan_out
from bench.case import Bench, Extent, Goal, Result, at_most
from bench.child import Child, free_port, wait_for_port
from bench.gateway import Gateway
from bench.samples import ratios, summarise
from bench.tables import ResultTable
from bench.viewers import Stream, StreamFigures, ViewerTransport, masked, measure_viewers, upgrade

VIEWERS = (1, 10, 50, 100)
VIEWERS_QUICK = (1, 10)
FPS = 60.0
FRAME_BYTES = 25_000
GOALS = {"websocket": 1.3, "mjpeg": 1.5}
_BARE = "bare"
_CAMERA = "bench"


class Cameras:
    """A camera of sixty frames a second and its viewers: frames received, and processor time for each."""

    name = "cameras"
    title = "Cameras"

    def steps(self, extent: Extent) -> int:
        return len(_viewer_counts(extent)) * extent.rounds

    def run(self, bench: Bench) -> Result:
        stream = Stream(FPS, FRAME_BYTES, bench.extent.window_ms * 2 / 1000)
        rows: list[dict[str, Any]] = []
        with _transports(bench) as transports:
            for viewers in _viewer_counts(bench.extent):
                found: dict[str, list[StreamFigures]] = {transport.name: [] for transport in transports}
                for number in range(bench.extent.rounds):
                    bench.steps.begin(f"a camera for {viewers}, round {number + 1} of {bench.extent.rounds}")
                    # In another order each round, so that a slow moment affects all of them.
                    for transport in transports[number % len(transports) :] + transports[: number % len(transports)]:
                        found[transport.name].append(uvloop.run(measure_viewers(transport, viewers, stream)))
                rows += [_row(transport, viewers, found) for transport in transports]
        return {"fps": FPS, "frame_bytes": FRAME_BYTES, "rows": rows}

    def tables(self, result: Result) -> list[ResultTable]:
        columns = ("viewers by", "viewers", "frames/s", "CPU µs/frame", "× bare write", "memory MB")
        table = ResultTable(f"A camera of {result['fps']:g} frames/s of {result['frame_bytes'] // 1000} KB", columns)
        for row in result["rows"]:
            rate, cost_us, times, kb = (
                row[name]["median"] for name in ("rate_per_s", "cpu_us", "times", "resident_kb")
            )
            cells = [f"{row['viewers']}", f"{rate:,.0f}", f"{cost_us:.1f}", f"{times:.2f}", f"{kb / 1024:.0f}"]
            table.rows.append((row["title"], *cells))
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        most = max(row["viewers"] for row in result["rows"])
        return [
            at_most(
                f"{row['title']}, {most} viewers, by bare writes", GOALS[row["transport"]], "×", row["times"]["median"]
            )
            for row in result["rows"]
            if row["viewers"] == most and row["transport"] in GOALS
        ]


def _viewer_counts(extent: Extent) -> tuple[int, ...]:
    return VIEWERS_QUICK if extent.is_quick else VIEWERS


def _row(transport: ViewerTransport, viewers: int, found: dict[str, list[StreamFigures]]) -> dict[str, Any]:
    cost_us, limit_us = (summarise(figures.cpu_us for figures in found[name]) for name in (transport.name, _BARE))
    return {
        "transport": transport.name,
        "title": transport.title,
        "viewers": viewers,
        "rate_per_s": summarise(figures.frames_per_s for figures in found[transport.name]),
        "cpu_us": cost_us,
        "times": ratios(cost_us, limit_us),
        "resident_kb": summarise(figures.resident_kb for figures in found[transport.name]),
    }


@contextlib.contextmanager
def _transports(bench: Bench) -> Iterator[list[ViewerTransport]]:
    frame = b"\xff\xd8" + bytes(FRAME_BYTES - 4) + b"\xff\xd9"
    folder = bench.folder / "cameras"
    with Gateway(folder, bench.cores.server, 1) as gateway, _bare(folder, bench.cores.server, frame) as limit:
        yield [limit, *_gateway_transports(gateway, frame)]


@contextlib.contextmanager
def _bare(folder: Path, core: int | None, frame: bytes) -> Iterator[ViewerTransport]:
    port, camera_port = free_port(), free_port()
    command = [sys.executable, str(Path(bare_fan_out.__file__)), str(port), str(camera_port)]
    with Child(command, core=core, log=folder / "bare.txt") as child:
        wait_for_port(port)
        packet = len(frame).to_bytes(4, "big") + frame
        yield ViewerTransport(_BARE, "bare transport.write", child.pid, port, b"", camera_port, b"", b"", packet)


def _gateway_transports(gateway: Gateway, frame: bytes) -> list[ViewerTransport]:
    introduction = masked(1, b'{"type":"connect","device":"%s"}' % _CAMERA.encode())
    get = f"GET /api/devices/{_CAMERA}/stream.mjpeg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    requests = (("websocket", "WebSocket", upgrade(f"/ws/view/{_CAMERA}")), ("mjpeg", "MJPEG", get))
    camera, port = upgrade("/ws/esp32cam"), gateway.port
    packet = masked(2, frame)
    return [
        ViewerTransport(name, title, gateway.pid, port, request, port, camera, introduction, packet)
        for name, title, request in requests
    ]
