"""A gateway that sends without a pause: the board's other tasks have their turns all the same.

The board's link needs the asyncio of MicroPython, so pytest does not collect this file; test_on_micropython.py runs it
there. Time goes on by 5 ms whenever the link looks at it, as on a board for which each packet is work.
"""

import asyncio
import unittest

from firmware.lib.darvaz import link, session
from tests.support.on_board.gateway_end import PING, PONG, TEXT, opened, packet

LOOK_MS = 5
ROUNDS = 20
# While the link is read, a beat is due every 2 s, and the shortest watchdog of a board waits for 8 s.
GAP_MS_MAX = 500
ERROR = packet(TEXT, b'{"type":"error","message":"slow down"}')
NONSENSE = packet(TEXT, b"nonsense")


class Log:
    """Forgets what is logged."""

    def warning(self, text):
        """Takes a line."""


class Device:
    """What the link needs of a device; its clock is looked at by the link alone."""

    config = {}
    is_stopped = False

    def __init__(self):
        self.log = Log()
        self.now_ms = 0

    def uptime_ms(self):
        """Returns the time, which goes on."""
        self.now_ms += LOOK_MS
        return self.now_ms


class Outbox:
    """Has nothing that a pong confirms."""

    def confirm(self):
        """Takes a pong."""
        return False


class Flood:
    """A connection that always has more to read, for some rounds; then the link ends."""

    def __init__(self, data):
        self.data = data
        self.rounds = ROUNDS
        self.link = None

    async def read_into(self, space):
        """Fills the buffer with whole packets, and never waits."""
        self.rounds -= 1
        if not self.rounds:
            self.link.end("over")
        space()[: len(self.data)] = self.data
        return len(self.data)


def longest_gap_ms(data):
    """Returns the longest time between two turns of another task while the link reads `data` again and again."""

    async def read():
        device = Device()
        flood = Flood(data)
        one = flood.link = link.Link(device, None, opened(), Outbox())
        one._connection = flood
        gap_ms, turn_ms = 0, device.now_ms

        async def beat():
            nonlocal gap_ms, turn_ms
            while True:
                gap_ms, turn_ms = max(gap_ms, device.now_ms - turn_ms), device.now_ms
                await asyncio.sleep_ms(0)

        beating = asyncio.create_task(beat())
        await one._read(session.Session({"type": "connect"}, dict, 512))
        beating.cancel()
        assert device.now_ms > ROUNDS * LOOK_MS
        return max(gap_ms, device.now_ms - turn_ms)

    return asyncio.run(read())


class Turns(unittest.TestCase):
    """Whatever comes, a task that waits for its turn has it soon."""

    def test_flood_of_errors_leaves_other_tasks_their_turns(self):
        self.assertTrue(longest_gap_ms(ERROR * 50) < GAP_MS_MAX)

    def test_flood_of_nonsense_leaves_other_tasks_their_turns(self):
        self.assertTrue(longest_gap_ms(NONSENSE * 100) < GAP_MS_MAX)

    def test_flood_of_pings_leaves_other_tasks_their_turns(self):
        self.assertTrue(longest_gap_ms(packet(PING) * 900) < GAP_MS_MAX)

    def test_flood_of_pongs_leaves_other_tasks_their_turns(self):
        self.assertTrue(longest_gap_ms(packet(PONG) * 900) < GAP_MS_MAX)


if __name__ == "__main__":
    unittest.main()
