"""A measured flood of ten minutes: DARVAZ_FLOOD_S=600 runs it, with 200 devices and 1,000 log lines a second.

It prints frame gaps, input delays and memory of a page with the list and a page with the flooded device.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess

FLOOD_S = float(os.environ.get("DARVAZ_FLOOD_S", "0"))
DEVICES = 200
LINES_PER_S = 1_000
BATCH = 50
REPORT_EVERY_S = 10.0
SAMPLE_EVERY_S = 15.0
TYPED = "board-007 says"
GROWTH_MAX = 1.5
LIMITS = {"DARVAZ_LINKS_PER_ADDRESS_MAX": "1000", "DARVAZ_MESSAGES_PER_S_MAX": "5000"}
# Counts each gap by its milliseconds, so that measuring takes no memory that would be measured.
RECORDER = """
globalThis.measured = { gaps: new Uint32Array(5000), delays: new Uint32Array(5000) };
globalThis.isFront = false;
const count = (kind, ms) => { if (globalThis.isFront) globalThis.measured[kind][Math.min(4999, Math.round(ms))] += 1; };
let last = performance.now();
const frame = (now) => { count("gaps", now - last); last = now; requestAnimationFrame(frame); };
requestAnimationFrame(frame);
const shown = (began) => requestAnimationFrame(() => count("delays", performance.now() - began));
addEventListener("input", ({ timeStamp }) => shown(timeStamp), true);
"""
# A browser draws only the front page at full speed: only that one is measured.
TO_FRONT = """
new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => { globalThis.isFront = true; done(); })))
"""
LOOKED_AT_S = 5.0
pytestmark = [
    pytest.mark.timeout(FLOOD_S + 180),
    pytest.mark.skipif(not FLOOD_S, reason="takes ten minutes: DARVAZ_FLOOD_S=600 runs it"),
]


def spread(counts: dict[str, int]) -> dict[str, int]:
    """Returns p50, p99 and the maximum of milliseconds that were counted."""
    each = [(int(ms), seen) for ms, seen in counts.items() if seen]
    total = sum(seen for _, seen in each)
    found, passed = {"count": total, "max": max((ms for ms, _ in each), default=0)}, 0
    for ms, seen in each:
        passed += seen
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            if passed >= total * share:
                found.setdefault(name, ms)
    return found


async def pour(board: Board, until_s: float) -> int:
    """Sends lines at a steady pace and returns how many."""
    began_s, sent = time.monotonic(), 0
    while time.monotonic() < until_s:
        for _ in range(BATCH):
            await board.link.send(json.dumps({"type": "log", "level": "info", "message": f"board-007 says {sent}"}))
            sent += 1
        await asyncio.sleep(max(0.0, began_s + sent / LINES_PER_S - time.monotonic()))
    return sent


async def report(board: Board, number: int, until_s: float) -> None:
    """Sends a reading now and then, boards not all at once."""
    await asyncio.sleep(REPORT_EVERY_S * number / DEVICES)
    while time.monotonic() < until_s:
        await board.send("telemetry", values={"temperature": 20 + number % 7 + time.monotonic() % 3})
        await asyncio.sleep(REPORT_EVERY_S)


def held_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def renderers_bytes(browser: Browser) -> int:
    """Returns what all pages' processes hold of the machine's memory."""
    session = await browser.new_browser_cdp_session()
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    await session.detach()
    return sum(held_bytes(one["id"]) for one in processes if one["type"] == "renderer")


async def heap_bytes(page: Page) -> int:
    """Returns the script's memory after everything unused is gone."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    used = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    await session.detach()
    return int(used)


async def use(page: Page, label: str) -> None:
    """Types into a filter as a person does; each character must be there."""
    await page.bring_to_front()
    await page.evaluate(TO_FRONT)
    box = page.get_by_label(label)
    await box.press_sequentially(TYPED, delay=40)
    await expect(box).to_have_value(TYPED)
    await box.fill("")
    await asyncio.sleep(LOOKED_AT_S)
    await page.evaluate("globalThis.isFront = false")


async def measure(page: Page) -> dict[str, Any]:
    counts = await page.evaluate(
        "() => { const of = (all) => Object.fromEntries([...all].map((n, ms) => [ms, n]).filter(([, n]) => n));"
        "return { gaps: of(measured.gaps), delays: of(measured.delays) }; }"
    )
    return {"frame_gaps_ms": spread(counts["gaps"]), "input_delays_ms": spread(counts["delays"])}


async def test_pages_stay_fast_and_small_in_a_long_flood(browser: Browser) -> None:
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    await context.add_init_script(RECORDER)
    samples: list[dict[str, int]] = []
    with GatewayProcess(env=LIMITS) as gateway:
        async with contextlib.AsyncExitStack() as stack:
            boards = [
                await stack.enter_async_context(board_at(gateway.ws_url, f"board-{number:03}"))
                for number in range(DEVICES)
            ]
            listing, device = await context.new_page(), await context.new_page()
            await listing.goto(gateway.url)
            await expect(listing.get_by_text(f"{DEVICES} online")).to_be_visible()
            await device.goto(f"{gateway.url}/#/device/board-007")
            until_s = time.monotonic() + FLOOD_S
            sample_s = time.monotonic()
            async with asyncio.TaskGroup() as group:
                pouring = group.create_task(pour(boards[7], until_s))
                for number, board in enumerate(boards):
                    group.create_task(report(board, number, until_s))
                while time.monotonic() < until_s:
                    await use(device, "Only lines with")
                    await use(listing, "Find a device")
                    samples.append(
                        {
                            "list_heap": await heap_bytes(listing),
                            "device_heap": await heap_bytes(device),
                            "renderers_rss": await renderers_bytes(browser),
                        }
                    )
                    sample_s += SAMPLE_EVERY_S
                    await asyncio.sleep(max(0.0, min(sample_s, until_s) - time.monotonic()))
            figures = {"list": await measure(listing), "device": await measure(device), "lines": pouring.result()}
            print("\n" + json.dumps({**figures, "samples": samples}))
    await context.close()

    settled, last = samples[len(samples) // 4], samples[-1]
    for name, held in settled.items():
        assert last[name] < held * GROWTH_MAX, f"{name} grew: {[one[name] for one in samples]}"
