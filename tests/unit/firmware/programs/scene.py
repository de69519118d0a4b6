"""Makes a camera for a test, connects it, and runs it under a deadline."""

import asyncio
import sys

import board
import camera as driver
import sensor
import video

from tests.unit.firmware.programs.device import Device

# Given by test_programs.py: a folder that may be written to.
FLASH = sys.argv[2]


def prepare(**options):
    """Returns a new device, online, and its video; the driver's state is cleared."""
    driver.renew()
    sensor.FRAME_MS, sensor.POWER_MS, sensor.FRAME_BYTES_MAX = 40, 1, 524288
    sensor.MARK_PATH = FLASH + "/camera.starting"
    sensor.take_mark()
    device = Device()
    return device, video.Video(device, board, **options)


def run(coroutine):
    """Runs a test's coroutine under a deadline, and ends the tasks it leaves."""
    try:
        return asyncio.run(asyncio.wait_for(coroutine, 10))
    finally:
        asyncio.new_event_loop()


async def connect(device):
    """Starts the device's tasks and welcomes it."""
    for function in device.tasks:
        asyncio.create_task(function())
    for greet in device.greetings:
        greet()


async def until(condition):
    """Waits for something to become true."""
    while not condition():
        await asyncio.sleep_ms(5)
