"""A release on trial, on a clock that a test turns: good after a minute, and not before, whatever the program does.

The loader is MicroPython's, so pytest does not collect this file; test_on_micropython.py runs it there.
"""

import asyncio
import os
import sys
import unittest

import vfs

vfs.mount(vfs.VfsPosix(os.getcwd() + "/firmware/lib"), "/library")
sys.path[:] = ["/library", ".frozen"]
BLOCK_BYTES, BLOCKS = 4096, 8
IMAGE = bytearray(BLOCK_BYTES * BLOCKS)
LOOK_MS = 500


class Flash:
    """A block device in memory."""

    def readblocks(self, block, data, offset=0):
        at = block * BLOCK_BYTES + offset
        data[:] = memoryview(IMAGE)[at : at + len(data)]

    def writeblocks(self, block, data, offset=0):
        at = block * BLOCK_BYTES + offset
        IMAGE[at : at + len(data)] = data

    def ioctl(self, op, argument):
        return {4: BLOCKS, 5: BLOCK_BYTES}.get(op, 0)


class Board:
    """A board that notes whether it was reset."""

    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1


class Link:
    """A link that is there from a moment on, until another."""

    is_online = False
    opened_ms = 0


class Device:
    """A device whose clock goes on with each look; `happens(now_ms)` is called at each."""

    def __init__(self, happens):
        self.link, self.board, self.sent = Link(), Board(), []
        self._happens, self._now_ms = happens, 0

    def uptime_ms(self):
        self._now_ms += LOOK_MS
        self._happens(self, self._now_ms)
        return self._now_ms

    def send(self, message):
        self.sent.append(message["state"])

    class log:
        info = error = staticmethod(lambda text: None)


def online_at(opened_ms, closed_ms=10**9):
    """Returns what opens and closes the link of a device."""

    def happens(device, now_ms):
        device.link.is_online = opened_ms <= now_ms < closed_ms
        device.link.opened_ms = opened_ms

    return happens


class Trial(unittest.TestCase):
    def setUp(self):
        import darvaz_loader

        vfs.umount("/")
        vfs.VfsLfs2.mkfs(Flash())
        vfs.mount(vfs.VfsLfs2(Flash()), "/")
        os.chdir("/")
        darvaz_loader.write({"slot": "/app_a", "other": "", "state": "trial", "tries": 1, "counter": 5, "release": "2"})
        self.loader = darvaz_loader
        self.main = __import__("__main__")
        self.main.__dict__.pop("healthy", None)

    def watch(self, happens, healthy=None):
        """Watches a trial to its end, and returns its device."""
        from darvaz import trial

        trial.LOOK_MS = 0
        trial.HEALTHY_MS = 20
        if healthy is not None:
            self.main.healthy = healthy
        device = Device(happens)
        asyncio.run(trial._watch(device, True))
        return device

    def gives_up(self, device, words):
        state = self.loader.read()
        self.assertEqual((device.board.resets, device.sent, state["state"]), (1, [], "trial"))
        self.assertIn(words, state["error"])

    def test_a_release_with_a_link_for_a_minute_is_good(self):
        device = self.watch(online_at(3000))

        self.assertEqual((device.board.resets, device.sent), (0, ["good"]))
        self.assertEqual(self.loader.read()["state"], "good")

    def test_a_link_that_is_lost_after_59_seconds_is_not_held_for_a_minute(self):
        self.gives_up(self.watch(online_at(1000, 60000)), "not for a minute")

    def test_a_program_that_dies_after_59_seconds_again_and_again_makes_way(self):
        for start in range(self.loader.TRIES_MAX):

            def dies(device, now_ms):
                online_at(1000)(device, now_ms)
                if now_ms >= 60000:
                    raise SystemExit

            with self.assertRaises(SystemExit):
                self.watch(dies)
            self.assertEqual(self.loader.read()["state"], "trial")
            self.loader.note(ValueError("after 59 s"))
            os.mkdir("/app_a") if start == 0 else None
            open("/app_a/main.py", "w").close()
            self.loader.choose()
            os.chdir("/")

        self.assertEqual(self.loader.read()["state"], "fell_back")
        self.assertIn("after 59 s", self.loader.read()["reason"])

    def test_a_board_without_a_gateway_gives_up_after_five_minutes(self):
        self.gives_up(self.watch(lambda device, now_ms: None), "not reached")

    def test_healthy_that_raises_is_told(self):
        def healthy():
            raise OSError("no sensor")

        self.gives_up(self.watch(online_at(0), healthy), "no sensor")

    def test_healthy_that_never_returns_is_told(self):
        async def healthy():
            await asyncio.sleep(3600)

        self.gives_up(self.watch(online_at(0), healthy), "did not return")

    def test_healthy_that_agrees_late_is_good(self):
        answers = [False] * 20

        def healthy():
            return not answers or answers.pop()

        self.assertEqual(self.watch(online_at(0), healthy).sent, ["good"])
