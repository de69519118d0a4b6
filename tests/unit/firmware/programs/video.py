"""The camera while it works: its rate, its frames, its commands."""

import asyncio
import sys
import unittest

import camera as driver
import video
from camera import JPEG

from tests.unit.firmware.programs.scene import connect, prepare, run, until


class Paces(unittest.TestCase):
    """When a frame is due."""

    def test_pace_does_not_drift_with_the_time_that_sending_takes(self):
        pace = video.Pace()
        pace.start(5, 1000)

        due = []
        now_ms = 1000
        for _ in range(10):
            now_ms += pace.wait_ms(now_ms)
            due.append(now_ms)
            now_ms += 37
            pace.advance(now_ms)

        self.assertEqual(due, list(range(1000, 3000, 200)))

    def test_frames_that_came_due_while_sending_are_skipped(self):
        pace = video.Pace()
        pace.start(10, 0)

        pace.advance(450)

        self.assertEqual(pace.wait_ms(450), 50)

    def test_no_rate_means_no_frame(self):
        pace = video.Pace()
        pace.start(0, 0)
        pace.advance(5)

        self.assertIsNone(pace.wait_ms(10))

    def test_slowest_rate_is_one_frame_an_hour(self):
        pace = video.Pace()
        pace.start(1e-9, 0)
        pace.advance(0)

        self.assertEqual(pace.wait_ms(0), 3600000)

    def test_pace_survives_the_wrap_of_the_clock(self):
        pace = video.Pace()
        wrap = 1 << 62 if sys.maxsize > 1 << 32 else 1 << 30
        pace.start(10, wrap - 10)
        pace.advance(wrap - 5)

        self.assertEqual(pace.wait_ms(0), 90)


class Pictures(unittest.TestCase):
    """A camera that works."""

    def test_picture_is_sent_as_soon_as_the_device_is_online_and_then_seldom(self):
        async def scene():
            device, camera = prepare()
            await connect(device)
            await until(lambda: device.sent)
            await asyncio.sleep_ms(200)
            return device, camera

        device, camera = run(scene())

        self.assertEqual(device.sent, [JPEG])
        self.assertEqual(camera.state, "ready")
        self.assertEqual(driver.made[0].open_buffers, 0)

    def test_driver_is_started_for_jpeg_with_the_pins_of_the_board(self):
        async def scene():
            device, _ = prepare(size="QVGA", quality=70)
            await connect(device)
            await until(lambda: device.sent)

        run(scene())

        settings = driver.made[0].settings
        self.assertEqual(
            (settings["pixel_format"], settings["frame_size"], settings["jpeg_quality"]), ("JPEG", "QVGA", 70)
        )
        self.assertEqual((settings["data_pins"], settings["powerdown_pin"]), ([5, 18, 19, 21, 36, 39, 34, 35], 32))

    def test_stream_sends_at_its_rate_until_it_is_stopped(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            await connect(device)
            answer = await device.ask("stream", fps=20)
            await until(lambda: len(device.sent) >= 5)
            await device.ask("stream", fps=0)
            sent = len(device.sent)
            await asyncio.sleep_ms(200)
            return device, answer, sent

        device, answer, sent = run(scene())

        self.assertEqual((answer["status"], answer["result"]["fps"]), ("ok", 20))
        self.assertEqual(len(device.sent), sent)
        self.assertEqual(len(driver.made), 1)

    def test_no_frame_is_sent_without_a_request_when_idle_is_off(self):
        async def scene():
            device, camera = prepare(idle_every_s=0)
            await connect(device)
            await asyncio.sleep_ms(200)
            return device, camera

        device, camera = run(scene())

        self.assertEqual((device.sent, camera.state, driver.made), ([], "off", []))

    def test_slow_network_skips_frames_and_queues_none(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            device.send_ms = 120
            await connect(device)
            await device.ask("stream", fps=30)
            await until(lambda: len(device.sent) >= 3)
            await device.ask("stream", fps=0)
            device.sent.clear()
            await asyncio.sleep_ms(300)
            return device

        self.assertEqual(run(scene()).sent, [])

    def test_snapshot_sends_one_frame_at_once(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            await connect(device)
            return device, await device.ask("snapshot")

        device, answer = run(scene())

        self.assertEqual(answer["result"], {"bytes": len(JPEG), "size": "VGA"})
        self.assertEqual(device.sent, [JPEG])

    def test_old_picture_in_the_buffer_is_thrown_away(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            await connect(device)
            await device.ask("snapshot")
            await asyncio.sleep_ms(350)
            driver.frames.extend([b"\xff\xd8 old \xff\xd9", b"\xff\xd8 new \xff\xd9"])
            await device.ask("snapshot")
            return device

        self.assertEqual(run(scene()).sent[-1], b"\xff\xd8 new \xff\xd9")

    def test_new_link_ends_the_stream_of_the_old_one(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            await connect(device)
            await device.ask("stream", fps=30)
            await until(lambda: device.sent)
            device.greetings[0]()
            await asyncio.sleep_ms(100)
            device.sent.clear()
            await asyncio.sleep_ms(150)
            return device

        self.assertEqual(run(scene()).sent, [])

    def test_nothing_is_captured_while_the_gateway_is_away(self):
        async def scene():
            device, camera = prepare()
            device.state = "connecting"
            await connect(device)
            await asyncio.sleep_ms(150)
            return camera

        self.assertEqual(run(scene()).state, "off")
        self.assertEqual(driver.made, [])

    def test_settings_reach_the_sensor_and_stay(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            await connect(device)
            await device.ask("camera", flip=True, brightness=-2)
            await device.ask("snapshot")
            first = driver.made[0].vflip, driver.made[0].brightness
            answer = await device.ask("camera", mirror=True)
            return answer["result"], first

        result, first = run(scene())

        self.assertEqual(first, (True, -2))
        self.assertEqual((driver.made[0].vflip, driver.made[0].hmirror), (True, True))
        self.assertEqual(
            (result["flip"], result["mirror"], result["brightness"], result["camera"]), (True, True, -2, "ready")
        )

    def test_size_is_changed_without_a_new_start_and_keeps_the_settings(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            await connect(device)
            await device.ask("camera", flip=True)
            await device.ask("snapshot")
            driver.made[0].vflip = False
            await device.ask("stream", fps=0, size="SVGA")
            return await device.ask("snapshot")

        answer = run(scene())

        self.assertEqual((answer["result"]["size"], len(driver.made), driver.made[0].vflip), ("SVGA", 1, True))

    def test_wrong_arguments_are_refused_in_words(self):
        async def scene():
            device, _ = prepare(idle_every_s=0)
            return [
                (await device.ask("stream", fps=31))["message"],
                (await device.ask("stream", fps=1, size="8K"))["message"],
                (await device.ask("stream", fps=1, quality=0))["message"],
                (await device.ask("camera", brightness=3))["message"],
            ]

        result = run(scene())

        self.assertEqual(result[0], "fps must be at most 30, not 31")
        self.assertTrue(result[1].startswith("size must be one of QQVGA, QVGA"))
        self.assertEqual(result[2:], ["quality must be at least 1, not 0", "brightness must be at most 2, not 3"])
