"""The servo: its pulses, and which of two moves wins."""

import asyncio
import unittest

import machine

from firmware.pico.servo import Servo

PIN = 16
FAST = 3600


def make(**options):
    """Returns a servo of 1 ms to 2 ms on PIN, fast by default."""
    options.setdefault("speed_deg_s", FAST)
    options.setdefault("hold_ms", 60)
    return Servo(PIN, pulse_us=(1000, 2000), **options)


def pulses_ns():
    """Returns the widths of all pulses but the resting ones, in order."""
    return [width for width in machine.pulses_ns[PIN] if width]


def run(coroutine):
    """Runs a test's coroutine under a deadline, and ends the tasks it leaves."""
    try:
        return asyncio.run(asyncio.wait_for(coroutine, 10))
    finally:
        asyncio.new_event_loop()


async def settle():
    """Waits until a servo of `make` is released, within the test's own deadline."""
    while machine.pulses_ns[PIN][-1]:
        await asyncio.sleep_ms(5)


class Moves(unittest.TestCase):
    """One move after another."""

    def test_servo_does_not_move_at_boot(self):
        servo = make()

        self.assertEqual(machine.pulses_ns[PIN], [0])
        self.assertIsNone(servo.angle_deg)

    def test_result_of_the_first_move_has_an_unknown_start(self):
        result = run(make().move(90))

        self.assertEqual(result, {"angle": 90, "from": "unknown"})
        self.assertEqual(set(pulses_ns()), {1500000})

    def test_second_move_is_smooth_and_arrives(self):
        async def moves():
            servo = make(speed_deg_s=720)
            await servo.move(0)
            machine.pulses_ns[PIN].clear()
            return await servo.move(180)

        result = run(moves())

        self.assertEqual(result, {"angle": 180, "from": 0})
        self.assertEqual(pulses_ns(), sorted(pulses_ns()))
        self.assertGreaterEqual(len(set(pulses_ns())), 5)
        self.assertEqual(pulses_ns()[-1], 2000000)

    def test_move_to_where_it_is_arrives(self):
        async def moves():
            servo = make()
            await servo.move(45)
            return await servo.move(45)

        self.assertEqual(run(moves()), {"angle": 45, "from": 45})

    def test_servo_lets_go_once_it_rests(self):
        async def moves():
            servo = make()
            await servo.move(10)
            await servo.move(20)
            await settle()
            self.assertEqual(servo.angle_deg, 20)

        run(moves())

        self.assertEqual(machine.pulses_ns[PIN].count(0), 2)

    def test_servo_that_let_go_remembers_its_angle(self):
        async def moves():
            servo = make()
            await servo.move(10)
            await settle()
            return await servo.move(20)

        self.assertEqual(run(moves()), {"angle": 20, "from": 10})


class Contests(unittest.TestCase):
    """Two moves at once."""

    def test_newest_move_wins_and_the_older_returns_where_it_was(self):
        async def contest():
            servo = make(speed_deg_s=180)
            await servo.move(0)
            older = asyncio.create_task(servo.move(180))
            await asyncio.sleep_ms(200)
            newer = await servo.move(0)
            return await older, newer

        older, newer = run(contest())

        self.assertTrue(older["interrupted"])
        self.assertTrue(0 < older["angle"] < 180)
        self.assertTrue(0 < newer["from"] < 180)
        self.assertEqual(newer["angle"], 0)
        self.assertEqual(pulses_ns()[-1], 1000000)

    def test_flood_of_moves_leaves_one_task_to_let_go(self):
        async def flood():
            servo = make()
            moves = [asyncio.create_task(servo.move(angle)) for angle in range(50)]
            results = []
            for move in moves:
                results.append(await move)
            await settle()
            return results

        results = run(flood())

        self.assertEqual([result.get("interrupted", False) for result in results], [True] * 49 + [False])
        self.assertEqual(machine.pulses_ns[PIN].count(0), 2)

    def test_cancelled_move_lets_go_all_the_same(self):
        async def moves():
            servo = make(speed_deg_s=10)
            move = asyncio.create_task(servo.move(90))
            await asyncio.sleep_ms(40)
            move.cancel()
            await settle()

        run(moves())


class Limits(unittest.TestCase):
    """Where a servo may not go."""

    def test_limits_themselves_are_allowed_and_beyond_is_refused_in_words(self):
        servo = make(limits_deg=(30, 150))
        for angle in (30, 150):
            run(servo.move(angle))
        for angle in (29.9, 150.1, -1, float("nan"), float("inf")):
            with self.assertRaises(ValueError) as caught:
                run(servo.move(angle))
            self.assertIn("the angle must be from 30° to 150°", str(caught.exception))

    def test_refused_move_does_not_stop_the_one_that_runs(self):
        async def moves():
            servo = make()
            move = asyncio.create_task(servo.move(90))
            await asyncio.sleep_ms(5)
            with self.assertRaises(ValueError):
                await servo.move(200)
            return await move

        self.assertEqual(run(moves()), {"angle": 90, "from": "unknown"})

    def test_servo_that_would_hurt_itself_is_not_made(self):
        for options in (
            {"pulse_us": (300, 2000)},
            {"pulse_us": (1000, 2700)},
            {"pulse_us": (2000, 1000)},
            {"limits_deg": (-1, 90)},
            {"limits_deg": (0, 181)},
            {"limits_deg": (90, 90)},
            {"speed_deg_s": 0},
        ):
            with self.assertRaises(ValueError):
                Servo(PIN, **options)
