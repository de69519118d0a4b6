"""The first visit to a dashboard of many boards: what a browser receives until the first card, and how long it takes.

`python -m tests.support.first_load` prints it for a phone on a slow network.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from playwright.async_api import Browser, async_playwright

from tests.support.board import board_at
from tests.support.chromium import find_chromium
from tests.support.gateway import GatewayProcess

BOARDS = 150
SETTINGS = {"DARVAZ_LINKS_PER_ADDRESS_MAX": "500"}
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"}
# Lighthouse calls it fast 3G: 1.6 Mbit/s and 150 ms, of which a tenth is lost to the network's own headers.
BITS_PER_S = 1_440_000
LATENCY_MS = 150
ROUNDS = 5
CARD = "device-list .card"
_NOTE_FIRST_CARD = f"""
globalThis.firstCardMs = new Promise((done) => {{
  const observer = new MutationObserver(() => {{
    if (!document.querySelector("{CARD}")) return;
    observer.disconnect();
    const madeMs = performance.timeOrigin + performance.now();
    requestAnimationFrame(() => done([madeMs, performance.timeOrigin + performance.now()]));
  }});
  observer.observe(document, {{ childList: true, subtree: true }});
}});
"""
_ROOMS = ("classroom-3", "greenhouse", "workshop", "کلاس-۲", "north-barn")
_PROGRAM = {"state": "flashed", "counter": 0, "has_key": True, "mpy": 6, "mpy_native": 11, "micropython": "1.29.0"}
_ANGLE = {"type": "number", "min": 0, "max": 180, "unit": "°"}
_LEVEL = {"type": "integer", "min": -2, "max": 2, "default": 0}
# What the programs of this repository introduce themselves with, and a board of somebody else's.
_COMMANDS: dict[str, dict[str, Any]] = {
    "pico": {
        "reboot": {},
        "led": {"on": {"type": "boolean"}},
        "info": {},
        "tilt": {"angle": {"type": "number", "min": 30, "max": 150, "unit": "°"}},
        "pan": {"angle": _ANGLE},
    },
    "esp32cam": {
        "reboot": {},
        "snapshot": {},
        "info": {},
        "camera": dict.fromkeys(("brightness", "saturation", "exposure", "contrast"), _LEVEL),
        "flash": {"on": {"type": "boolean"}},
    },
}
_TELEMETRY: dict[str, Any] = {
    "temperature": {"unit": "°C", "device_class": "temperature"},
    "humidity": {"unit": "%", "device_class": "humidity"},
    "soil": {"unit": "%", "title": "Soil moisture"},
    "light": {"unit": "lx", "title": "Light"},
    "lid": {"title": "Lid"},
}


@dataclass
class FirstLoad:
    """What came over the wire, with headers, until the first card was there."""

    seconds: float = 0.0
    sizes_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def bytes_(self) -> int:
        return sum(self.sizes_bytes.values())


@contextlib.asynccontextmanager
async def many_boards(gateway: GatewayProcess, count: int = BOARDS) -> AsyncIterator[None]:
    """Connects boards with names, commands and values as people have them; some have labels and groups."""
    chance = random.Random(count)
    async with contextlib.AsyncExitStack() as boards:
        for start in range(0, count, 25):
            await asyncio.gather(*(_connect(boards, gateway, chance, n) for n in range(start, min(start + 25, count))))
        for number in range(0, count, 3):
            change = {"label": f"Bed {number} {chance.choice(_ROOMS)}", "groups": [chance.choice(_ROOMS)]}
            answer = await asyncio.to_thread(gateway.request, "PATCH", f"/api/devices/{_id(number)}", json=change)
            assert answer.is_success, answer.text
        yield


def _id(number: int) -> str:
    return f"{('desk', 'pump', 'sensor')[number % 3]}-{number:03}"


async def _connect(
    boards: contextlib.AsyncExitStack, gateway: GatewayProcess, chance: random.Random, number: int
) -> None:
    kind = "esp32cam" if number % 25 == 24 else "pico"
    names = chance.sample(sorted(_TELEMETRY), 3)
    board = await boards.enter_async_context(
        board_at(
            gateway.ws_url,
            _id(number),
            kind,
            version=f"1.{number % 4}.0",
            board="Raspberry Pi Pico W" if kind == "pico" else "ESP32-CAM (AI-Thinker)",
            ip=f"192.168.1.{number % 250 + 2}",
            mac=f"{chance.getrandbits(48):012x}",
            boot_id=f"{chance.getrandbits(32):08x}",
            reset_cause="power_on",
            program=_PROGRAM,
            commands=_COMMANDS[kind],
            telemetry={name: _TELEMETRY[name] for name in names},
            heap_free_bytes=chance.randint(90_000, 160_000),
            uptime_ms=chance.randint(10**4, 10**8),
        )
    )
    await board.send("pong", time=1_800_000_000, rssi_dbm=-chance.randint(40, 85))
    await board.send("telemetry", values={name: round(chance.uniform(5, 60), 1) for name in names})


async def measure(browser: Browser, url: str, latency_ms: int = 0) -> FirstLoad:
    """Opens the dashboard as somebody who was never here; without a latency the network is not slowed."""
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    await page.add_init_script(_NOTE_FIRST_CARD)
    tools = await context.new_cdp_session(page)
    urls, ends, offset_s = dict[str, str](), dict[str, tuple[float, int]](), 0.0

    def begin(event: dict[str, Any]) -> None:
        nonlocal offset_s
        urls[event["requestId"]] = event["request"]["url"]
        offset_s = event["wallTime"] - event["timestamp"]

    def end(event: dict[str, Any]) -> None:
        ends[event["requestId"]] = event["timestamp"], event["encodedDataLength"]

    tools.on("Network.requestWillBeSent", begin)
    tools.on("Network.loadingFinished", end)
    await tools.send("Network.enable")
    if latency_ms:
        speed = BITS_PER_S / 8
        conditions = {"latency": latency_ms, "downloadThroughput": speed, "uploadThroughput": speed / 2}
        await tools.send("Network.emulateNetworkConditions", {"offline": False, **conditions})
    await page.goto(url, wait_until="commit")
    await page.locator(CARD).first.wait_for()
    made_ms, shown_ms = await page.evaluate("firstCardMs")
    begun_ms = await page.evaluate("performance.timeOrigin")
    await context.close()
    # What is loaded after it does not count.
    sizes = {urls[id_]: size for id_, (time_s, size) in ends.items() if time_s + offset_s <= made_ms / 1000}
    return FirstLoad((shown_ms - begun_ms) / 1000, sizes)


async def main() -> None:
    """Prints the time and the bytes of several first visits."""
    with GatewayProcess(env=SETTINGS) as gateway:
        async with many_boards(gateway), async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            for latency_ms in (0, LATENCY_MS):
                loads = [await measure(browser, gateway.url, latency_ms) for _ in range(ROUNDS)]
                seconds = [load.seconds for load in loads]
                print(
                    f"latency {latency_ms} ms: first card after {statistics.median(seconds):.2f} s"
                    f" ({min(seconds):.2f}–{max(seconds):.2f}), {loads[-1].bytes_ / 1024:.1f} KB,"
                    f" {len(loads[-1].sizes_bytes)} requests"
                )
            if "--each" in sys.argv:
                print(msgspec.json.format(msgspec.json.encode(loads[-1].sizes_bytes)).decode())
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
