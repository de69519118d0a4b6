"""The program of the end-to-end tests: a few commands that go well or badly, and settings from settings.json.

settings.json: {"config": what config.json would hold, "kind": …}.
"""

import asyncio
import gc
import json
import sys

with open("settings.json") as file:
    settings = json.load(file)

import board
from darvaz import Device

board.KIND = settings.get("kind", "pico")
device = Device(board, settings["config"])
connects = 0


@device.command(angle={"type": "number", "min": 0, "max": 180, "unit": "°"})
async def pan(angle):
    """Returns the angle."""
    return {"angle": angle}


@device.command
def fail():
    """Raises."""
    raise ValueError("the servo is stuck")


@device.command(deadline_s=0.3)
async def hang():
    """Never returns."""
    await asyncio.Event().wait()


@device.command(name={"type": "string"}, wait_ms={"type": "integer", "min": 0, "max": 5000})
async def wait(name, wait_ms):
    """Logs when it begins and ends."""
    device.log.info("begin " + name)
    await asyncio.sleep_ms(wait_ms)
    device.log.info("end " + name)
    return name


@device.command(size={"type": "integer"})
def big(size):
    """Returns a text of a size."""
    return "x" * size


@device.command(count={"type": "integer"})
def say(count):
    """Logs `count` lines."""
    for number in range(count):
        device.log.info("line %04d" % number)


@device.command(size_bytes={"type": "integer"})
async def frame(size_bytes):
    """Sends one frame and returns whether it went out."""
    data = bytearray(size_bytes)
    data[:2], data[-2:] = b"\xff\xd8", b"\xff\xd9"
    return await device.send_frame(data)


@device.command
def heap():
    """Returns the bytes in use."""
    gc.collect()
    return gc.mem_alloc()


@device.telemetry(every_s=settings.get("every_s", 1), unit="°C")
def temperature():
    """Is always the same."""
    return 21.5


if settings.get("has_loose_sensors"):

    @device.telemetry(every_s=0.2)
    def sensors():
        """Has one value that is there."""
        return {"light": 7, "humidity": None, "pressure": float("nan"), "distance": float("inf")}


@device.on_connect
def greet():
    """Counts the welcomes and prints the number."""
    global connects
    connects += 1
    print("CONNECTED %d clock %s" % (connects, board.clock[-1:]))


sys.stdout.write("READY\n")
device.run()
