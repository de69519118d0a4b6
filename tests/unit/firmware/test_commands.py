"""Commands: declared, checked, run at the same time, and always answered."""

import asyncio
import unittest

from firmware.lib.darvaz import commands, log
from firmware.lib.darvaz.arguments import check_arguments

ANGLE = {"angle": {"type": "number", "min": 0, "max": 180}}


class Board:
    """A board's commands, with their acks and logs."""

    def __init__(self):
        self.acks = []
        self.lines = []
        lines = log.Log(lambda: 0, lambda level, at_ms, text: self.lines.append((level, text)), echo=None)
        self.commands = commands.Commands(self.acks.append, lines)

    def add(self, handler, arguments, deadline_s=1):
        self.commands.add(handler.__name__, handler, arguments, deadline_s)

    def start(self, *calls, ticks=20):
        """Starts commands as (name, args) with ids from 0 on and lets them run a little."""

        async def run():
            for number in range(len(calls)):
                self.commands.start(number, calls[number][0], calls[number][1])
            for _ in range(ticks):
                await asyncio.sleep(0)

        asyncio.run(run())


class Running(unittest.TestCase):
    """A command that succeeds or fails."""

    def setUp(self):
        # asyncio.sleep_ms and wait_for_ms are MicroPython's.
        if not hasattr(asyncio, "wait_for_ms"):
            asyncio.wait_for_ms = lambda coroutine, wait_ms: asyncio.wait_for(coroutine, wait_ms / 1000)
        self.board = Board()

    def test_result_of_a_plain_function_is_acknowledged(self):
        def pan(angle):
            return {"angle": angle}

        self.board.add(pan, ANGLE)
        self.board.start(("pan", {"angle": 90}))

        self.assertEqual(self.board.acks, [{"type": "ack", "id": 0, "status": "ok", "result": {"angle": 90}}])

    def test_result_of_an_async_function_is_acknowledged(self):
        async def pan(angle):
            await asyncio.sleep(0)
            return angle

        self.board.add(pan, ANGLE)
        self.board.start(("pan", {"angle": 90}))

        self.assertEqual(self.board.acks[0]["result"], 90)

    def test_command_without_a_result_is_acknowledged_without_one(self):
        def blink():
            pass

        self.board.add(blink, {})
        self.board.start(("blink", {}))

        self.assertEqual(self.board.acks, [{"type": "ack", "id": 0, "status": "ok"}])

    def test_error_becomes_an_ack_and_a_log_with_the_traceback(self):
        def pan(angle):
            raise OSError("the servo is stuck")

        self.board.add(pan, ANGLE)
        self.board.start(("pan", {"angle": 90}))

        self.assertEqual(self.board.acks[0]["status"], "error")
        self.assertEqual(self.board.acks[0]["message"], "OSError: the servo is stuck")
        level, text = self.board.lines[0]
        self.assertEqual(level, "error")
        self.assertIn("command pan failed\nTraceback", text)

    def test_command_that_never_returns_is_answered_at_its_deadline(self):
        async def hang():
            await asyncio.Event().wait()

        self.board.add(hang, {}, deadline_s=0.01)

        async def run():
            self.board.commands.start(3, "hang", {})
            while not self.board.acks:
                await asyncio.sleep(0.001)

        asyncio.run(run())

        self.assertEqual(self.board.acks[0]["id"], 3)
        self.assertIn("no result in 0.01 s", self.board.acks[0]["message"])

    def test_two_commands_run_side_by_side(self):
        order = []

        async def slow():
            order.append("slow begins")
            await asyncio.sleep(0.01)
            order.append("slow ends")

        async def quick():
            order.append("quick")

        self.board.add(slow, {})
        self.board.add(quick, {})

        async def run():
            self.board.commands.start(0, "slow", {})
            self.board.commands.start(1, "quick", {})
            while len(self.board.acks) < 2:
                await asyncio.sleep(0.001)

        asyncio.run(run())

        self.assertEqual(order, ["slow begins", "quick", "slow ends"])

    def test_unknown_command_is_answered_with_those_there_are(self):
        def pan():
            pass

        self.board.add(pan, {})
        self.board.start(("tilt", {}))

        self.assertEqual(self.board.acks[0]["message"], "no command tilt; there are: pan")

    def test_flood_beyond_the_limit_is_answered_with_busy(self):
        gate = asyncio.Event()

        async def wait():
            await gate.wait()

        self.board.add(wait, {})
        self.board.start(*[("wait", {})] * (commands.RUNNING_MAX + 1))

        self.assertEqual([ack["id"] for ack in self.board.acks], [commands.RUNNING_MAX])
        self.assertIn("busy", self.board.acks[0]["message"])

    def test_finished_commands_make_room(self):
        def blink():
            pass

        self.board.add(blink, {})
        for _ in range(3):
            self.board.start(*[("blink", {})] * commands.RUNNING_MAX, ticks=40)

        self.assertEqual([ack["status"] for ack in self.board.acks], ["ok"] * 3 * commands.RUNNING_MAX)


class Declaring(unittest.TestCase):
    """A wrong declaration is found when the program starts."""

    def setUp(self):
        self.board = Board()

    def test_declared_telemetry_is_in_the_connect_message(self):
        self.board.commands.add("pan", print, ANGLE)

        self.assertEqual(self.board.commands.declared(), {"pan": ANGLE})

    def test_argument_without_a_type_is_refused(self):
        with self.assertRaises(ValueError) as raised:
            self.board.commands.add("pan", print, {"angle": {"min": 0}})

        self.assertIn("command pan, angle.type", str(raised.exception))

    def test_invalid_name_is_refused(self):
        with self.assertRaises(ValueError):
            self.board.commands.add("two words", print, {})

    def test_command_beyond_the_limit_is_refused(self):
        for number in range(commands.COMMANDS_MAX):
            self.board.commands.add("c%d" % number, print, {})

        with self.assertRaises(ValueError):
            self.board.commands.add("straw", print, {})


class Arguments(unittest.TestCase):
    """What is given must be what was declared; each refusal is a sentence for the caller."""

    def refused(self, declared, given):
        with self.assertRaises(ValueError) as raised:
            check_arguments(declared, given)
        return str(raised.exception)

    def test_values_within_bounds_are_taken(self):
        for angle in (0, 90.5, 180):
            self.assertEqual(check_arguments(ANGLE, {"angle": angle}), {"angle": angle})

    def test_values_out_of_bounds_are_refused_with_the_bound(self):
        self.assertEqual(self.refused(ANGLE, {"angle": 181}), "angle must be at most 180, not 181")
        self.assertEqual(self.refused(ANGLE, {"angle": -1}), "angle must be at least 0, not -1")

    def test_missing_argument_is_named(self):
        self.assertEqual(self.refused(ANGLE, {}), "angle is missing: expected a number")

    def test_default_stands_in_for_a_missing_argument(self):
        self.assertEqual(check_arguments({"fast": {"type": "boolean", "default": True}}, {}), {"fast": True})

    def test_unknown_argument_is_refused_with_the_known_ones(self):
        self.assertIn("it takes: angle", self.refused(ANGLE, {"angle": 1, "speed": 2}))

    def test_each_type_takes_its_own_values_only(self):
        values = {"number": 1.5, "integer": 1, "string": "1", "boolean": True}
        takes = {
            "number": ("number", "integer"),
            "integer": ("integer",),
            "string": ("string",),
            "boolean": ("boolean",),
        }
        for declared in values:
            for given in values:
                rule = {"x": {"type": declared}}
                if given in takes[declared]:
                    check_arguments(rule, {"x": values[given]})
                else:
                    self.assertIn("x must be", self.refused(rule, {"x": values[given]}))

    def test_choice_must_be_one_of_the_choices(self):
        rule = {"colour": {"type": "string", "choices": ["red", "green"]}}

        self.assertEqual(check_arguments(rule, {"colour": "red"}), {"colour": "red"})
        self.assertIn("one of red, green", self.refused(rule, {"colour": "blue"}))
