"""Commands: declared, checked, run at the same time, and always answered."""

import asyncio
import unittest

from firmware.lib.darvaz import declarations, declared, outbox

ANGLE = {"angle": {"type": "number", "min": 0, "max": 180}}


class Board:
    """A board's commands, with their acks and logs."""

    def __init__(self):
        self.acks = []
        self.lines = []
        lines = outbox.Log(lambda: 0, lambda level, at_ms, text: self.lines.append((level, text)), echo=None)
        # Milliseconds since the start, set by the tests.
        self.now_ms = 0
        # Whether a test has seen enough: CPython then cancels what still runs.
        self.is_over = False
        self.commands = declared.Commands(self.send, lines, lambda: self.now_ms)

    def send(self, ack):
        if not self.is_over:
            self.acks.append(ack)

    def add(self, handler, arguments, deadline_s=1):
        declarations.add_command(self.commands, handler.__name__, handler, arguments, deadline_s)

    def start(self, *calls, ticks=20):
        """Starts commands as (name, args) with ids from 0 on and lets them run a little."""

        async def run():
            self.is_over = False
            for number in range(len(calls)):
                self.commands.start(number, calls[number][0], calls[number][1])
            for _ in range(ticks):
                await asyncio.sleep(0)
            self.is_over = True

        asyncio.run(run())

    def start_and_wait(self, call, wait_ms):
        """Starts one command, and looks for late ones after some milliseconds."""

        async def run():
            self.now_ms, self.is_over = 0, False
            self.commands.start(0, call[0], call[1])
            await asyncio.sleep(0)
            self.now_ms = wait_ms
            self.commands.tick()
            for _ in range(5):
                await asyncio.sleep(0)
            self.is_over = True

        asyncio.run(run())


class Running(unittest.TestCase):
    """A command that succeeds or fails."""

    def setUp(self):
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
        ended = []

        async def hang():
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        early = Board()
        early.add(hang, {}, deadline_s=2)
        early.start_and_wait(("hang", {}), 1999)
        self.assertEqual(early.acks, [])

        self.board.add(hang, {}, deadline_s=2)
        self.board.start_and_wait(("hang", {}), 2000)

        self.assertEqual(len(self.board.acks), 1)
        self.assertIn("no result in 2.0 s", self.board.acks[0]["message"])
        self.assertIn("command hang: no result", self.board.lines[-1][1])
        self.assertTrue(ended)

    def test_command_that_ignores_its_deadline_blocks_itself_alone(self):
        gate, cancelled = asyncio.Event(), []

        async def stubborn():
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    cancelled.append(True)

        def quick():
            return 1

        self.board.add(stubborn, {}, deadline_s=1)
        self.board.add(quick, {})

        async def run():
            start = self.board.commands.start
            for number in range(declared.RUNNING_MAX):
                start(number, "stubborn", {})
            await asyncio.sleep(0)
            self.board.now_ms = 1000
            self.board.commands.tick()
            await asyncio.sleep(0)
            start(10, "stubborn", {})
            start(11, "quick", {})
            for _ in range(20):
                await asyncio.sleep(0)
            gate.set()
            await asyncio.sleep(0)

        asyncio.run(run())

        self.assertEqual(len(cancelled), declared.RUNNING_MAX)
        answers = {ack["id"]: ack for ack in self.board.acks}
        self.assertEqual(sorted(answers), [0, 1, 2, 3, 4, 5, 6, 7, 10, 11])
        self.assertIn("goes on after its deadline", answers[10]["message"])
        self.assertEqual(answers[11]["result"], 1)

    def test_commands_of_the_library_are_never_busy(self):
        gate = asyncio.Event()

        async def wait():
            await gate.wait()

        def reboot():
            pass

        self.board.add(reboot, {})
        self.board.commands.own = list(self.board.commands.known)
        self.board.add(wait, {})
        self.board.start(*[("wait", {})] * declared.RUNNING_MAX + [("reboot", {})])

        self.assertEqual([(ack["id"], ack["status"]) for ack in self.board.acks], [(declared.RUNNING_MAX, "ok")])

    def test_handler_that_meets_a_cancelled_task_is_answered(self):
        async def work():
            await asyncio.Event().wait()

        async def stop():
            job = asyncio.create_task(work())
            await asyncio.sleep(0)
            job.cancel()
            await job

        self.board.add(stop, {})
        self.board.start(("stop", {}))

        self.assertEqual([ack["status"] for ack in self.board.acks], ["error"])
        self.assertIn("CancelledError", self.board.acks[0]["message"])

    def test_whatever_a_handler_raises_is_answered_with_what_can_be_sent(self):
        class Mute(Exception):
            def __str__(self):
                raise OSError("no text")

            __repr__ = __str__

        class Own(BaseException):
            pass

        raised = [Mute(), Own("mine"), ValueError("half " + chr(0xD800)), GeneratorExit(), MemoryError()]

        def fail(at):
            raise raised[at]

        self.board.add(fail, {"at": {"type": "integer"}})
        self.board.start(*[("fail", {"at": at}) for at in range(len(raised))])

        texts = [ack["message"] for ack in self.board.acks]
        self.assertEqual(len(texts), len(raised))
        self.assertEqual(texts[:2], ["Mute", "Own: mine"])
        self.assertIn("\\ud800", texts[2])

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
        self.board.start(*[("wait", {})] * (declared.RUNNING_MAX + 1))

        self.assertEqual([ack["id"] for ack in self.board.acks], [declared.RUNNING_MAX])
        self.assertIn("busy", self.board.acks[0]["message"])

    def test_finished_commands_make_room(self):
        def blink():
            pass

        self.board.add(blink, {})
        for _ in range(3):
            self.board.start(*[("blink", {})] * declared.RUNNING_MAX, ticks=40)

        self.assertEqual([ack["status"] for ack in self.board.acks], ["ok"] * 3 * declared.RUNNING_MAX)
