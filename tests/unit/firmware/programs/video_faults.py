"""The camera when the sensor fails: what is tried and logged, and that the device stays online."""

import asyncio
import sys
import unittest

import camera as driver
import machine
import sensor
import video
from camera import JPEG, NEVER

from tests.unit.firmware.programs.scene import connect, prepare, run, until


class Faults(unittest.TestCase):
    """A camera that does not work; the device stays online throughout."""

    async def failing(self, frames=(), faults=(), fps=30):
        """Returns the device and its video once the sensor was made to fail at a high rate."""
        device, camera = prepare(idle_every_s=0)
        driver.frames.extend(frames)
        driver.faults.extend(faults)
        await connect(device)
        await device.ask("stream", fps=fps)
        return device, camera

    def test_frame_that_is_not_a_jpeg_is_not_sent(self):
        bad = (
            None,
            b"",
            b"\xff\xd8\xff",
            b"\x00\xd8 x \xff\xd9",
            b"\xff\x00 x \xff\xd9",
            b"\xff\xd8 x \x00\xd9",
            b"\xff\xd8 x \xff\x00",
        )

        async def scene():
            device, _ = await self.failing(frames=bad)
            await until(lambda: device.sent)
            return device

        self.assertEqual(set(run(scene()).sent), {JPEG})
        self.assertEqual(driver.frames, [])

    def test_frame_larger_than_the_gateway_takes_is_not_sent(self):
        largest = b"\xff\xd8" + bytes(len(JPEG) - 4) + b"\xff\xd9"

        async def scene():
            device, _ = await self.failing(frames=[largest + b"\xff\xd9", largest])
            sensor.FRAME_BYTES_MAX = len(largest)
            await until(lambda: device.sent)
            return device

        device = run(scene())

        self.assertEqual(device.sent[0], largest)
        self.assertTrue(any("lower size or quality" in text for _, text in device.log.messages))

    def test_first_failure_is_a_warning_and_the_next_are_whispered(self):
        async def scene():
            device, _ = await self.failing(frames=[None, None, None])
            await until(lambda: device.sent)
            return device

        levels = [level for level, text in run(scene()).log.messages if not text.startswith("command ")]

        self.assertEqual(levels, ["warning", "debug", "debug", "info"])

    def test_sensor_that_keeps_failing_is_turned_off_and_on(self):
        async def scene():
            device, _ = await self.failing(frames=[None] * video.FAILURES_MAX)
            await until(lambda: len(driver.made) == 2 and device.sent)

        run(scene())

        self.assertEqual(machine.levels[32], 0)

    def test_wait_for_a_frame_that_never_comes_ends(self):
        async def scene():
            device, camera = await self.failing(frames=[NEVER])
            await until(lambda: camera.state == "failing")
            driver.frames.clear()
            await until(lambda: device.sent)
            return camera

        self.assertEqual(run(scene()).state, "ready")

    def test_sensor_that_does_not_start_is_given_up_for_a_while_and_loses_its_power(self):
        async def scene():
            device, camera = await self.failing(faults=[OSError("no sensor")] * 9)
            await until(lambda: camera.state == "resting")
            await asyncio.sleep_ms(200)
            return device, camera

        device, camera = run(scene())

        self.assertEqual((len(driver.made), camera.state), (video.STARTS_MAX, "resting"))
        self.assertEqual(device.log.messages[-1][0], "error")
        self.assertIn("given up for 5 minutes: the sensor does not start: no sensor", device.log.messages[-1][1])
        self.assertEqual(machine.levels[32], 1)

    def test_every_kind_of_fault_is_survived(self):
        async def scene():
            faults = [RuntimeError("unknown error 0x0105"), MemoryError("no PSRAM")]
            device, _ = await self.failing(faults=faults)
            await until(lambda: device.sent)

        run(scene())

    def test_camera_that_was_given_up_is_tried_again_after_its_rest(self):
        async def scene():
            device, camera = await self.failing(faults=[OSError("no sensor")] * video.STARTS_MAX)
            await until(lambda: camera.state == "resting")
            camera._rested_ms -= video.REST_MS
            await until(lambda: device.sent)
            return camera

        self.assertEqual(run(scene()).state, "ready")

    def test_snapshot_tries_a_camera_that_was_given_up(self):
        async def scene():
            device, camera = await self.failing(faults=[OSError("no sensor")] * video.STARTS_MAX)
            await until(lambda: camera.state == "resting")
            return await device.ask("snapshot")

        self.assertEqual(run(scene())["status"], "ok")

    def test_snapshot_that_fails_too_ends_the_rest(self):
        async def scene():
            device, camera = await self.failing(faults=[OSError("no sensor")] * (video.STARTS_MAX + 1))
            await until(lambda: camera.state == "resting")
            answer = await device.ask("snapshot")
            await until(lambda: device.sent)
            return answer

        self.assertEqual(run(scene())["status"], "error")

    def test_snapshot_that_fails_is_answered_with_the_reason(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            driver.faults.append(OSError("no sensor"))
            return await device.ask("snapshot")

        self.assertEqual(run(scene())["message"], "CameraError: the sensor does not start: no sensor")

    def test_firmware_without_the_driver_logs_it_once_and_stays_online(self):
        async def scene():
            device, camera = prepare(idle_every_s=0)
            await connect(device)
            await device.ask("stream", fps=30)
            await asyncio.sleep_ms(200)
            return device, camera, await device.ask("snapshot")

        path = sys.path[:]
        sys.path[:] = [".frozen"]
        del sys.modules["camera"]
        try:
            device, camera, answer = run(scene())
        finally:
            sys.path[:] = path
            sys.modules["camera"] = driver

        result = [text for level, text in device.log.messages if level == "error"]
        self.assertEqual(
            result, ["camera: this firmware has no camera module: flash the camera image, see docs/hardware.md"]
        )
        self.assertEqual((camera.state, answer["status"]), ("missing", "error"))

    def test_restart_while_the_sensor_was_starting_is_taken_for_a_weak_power_supply(self):
        async def scene():
            device, camera = prepare()
            sensor._mark()
            await connect(device)
            await until(lambda: camera.state == "resting")
            first = device.log.messages[0][1], len(driver.made)
            return first, await device.ask("snapshot")

        (result, made), answer = run(scene())

        self.assertIn("is its power supply too weak?", result)
        self.assertEqual((made, answer["status"]), (0, "ok"))

    def test_mark_of_a_start_is_gone_when_it_is_over(self):
        async def scene():
            device, _ = await self.failing(faults=[OSError("no sensor")])
            await until(lambda: device.sent)

        run(scene())

        self.assertFalse(sensor.take_mark())
