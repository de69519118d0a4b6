"""The outbox in littlefs, whose power is cut at every write and in the middle of each: nothing moved there is lost.

Only MicroPython has this file system, so pytest does not collect this file; test_on_micropython.py runs it there.
"""

import gc
import unittest

import vfs

from firmware.lib.darvaz import flash_outbox
from tests.unit.firmware.test_outbox import waiting

BLOCK_BYTES, BLOCKS = 4096, 12
# Half of the heap: made once, before the heap is in pieces.
IMAGE = bytearray(BLOCK_BYTES * BLOCKS)
FLASH_BYTES = 2 * flash_outbox.FILE_BYTES
FOLDER = "/flash/outbox"
# Each message fills a quarter of a file.
TAIL = "x" * 990


class Flash:
    """A block device in memory that takes nothing more after `writes_left` writes."""

    def __init__(self, writes_left, is_torn):
        self.writes_left = writes_left
        self._is_torn = is_torn

    def readblocks(self, block, data, offset=0):
        at = block * BLOCK_BYTES + offset
        data[:] = memoryview(IMAGE)[at : at + len(data)]

    def writeblocks(self, block, data, offset=0):
        self.write(block * BLOCK_BYTES + offset, data)

    def ioctl(self, op, argument):
        if op == 6:
            at = argument * BLOCK_BYTES
            self.write(at, memoryview(ERASED))
        return {4: BLOCKS, 5: BLOCK_BYTES}.get(op, 0)

    def write(self, at, data):
        self.writes_left -= 1
        if self.writes_left >= 0:
            IMAGE[at : at + len(data)] = data
        elif self.writes_left == -1 and self._is_torn:
            half = len(data) // 2
            IMAGE[at : at + half] = memoryview(data)[:half]


ERASED = b"\xff" * BLOCK_BYTES


class Life:
    """What a board does; knows what its flash must have, and what it may have, after a cut."""

    def __init__(self, flash):
        self.flash = flash
        self.box = flash_outbox.FlashOutbox(1024, 4096, "one", FLASH_BYTES, FOLDER)
        # What is in the flash, by file, and in memory; and what a cut may take or leave.
        self.files, self.ring, self.doubtful = [], [], []

    def live(self):
        """Does everything until the power is cut; returns whether it was."""
        for number in range(12):
            message = "%03d" % number + TAIL
            self.box.append(message.encode())
            self.ring.append(message)
            if self.move():
                return True
            if number in (3, 10) and self.deliver_one():
                return True
        return False

    def move(self):
        was_full = len(self.files) == 2 and len(self.files[-1]) == 4
        self.doubtful = self.ring + (self.files[0] if was_full else [])
        self.box.spill()
        if self.flash.writes_left < 0:
            self.files = self.files[1:] if was_full else self.files
            return True
        if not self.files or len(self.files[-1]) == 4:
            self.files.append([])
        self.files[-1] += self.ring
        self.files, self.ring = self.files[-2:], []
        return False

    def deliver_one(self):
        """Has the oldest file confirmed."""
        self.box.rewind()
        while self.box.next() is not None:
            self.box.advance()
        self.box.mark()
        self.doubtful = self.files.pop(0)
        self.box.confirm()
        self.box.rewind()
        return self.flash.writes_left < 0


def start_after(life):
    """Returns what the next start of the board finds, in the order in which it sends it."""
    vfs.umount("/flash")
    vfs.mount(vfs.VfsLfs2(Flash(1 << 20, False)), "/flash")
    box = flash_outbox.FlashOutbox(1024, 4096, "two", FLASH_BYTES, FOLDER)
    found, is_over = [], box.boot_id is None
    while not is_over:
        found += waiting(box)
        box.mark()
        is_over = box.confirm()
    return found


def lives(writes_left, is_torn):
    """Plays a life until a cut, and returns whether there was one, what must be there, and what is."""
    gc.collect()
    vfs.VfsLfs2.mkfs(Flash(1 << 20, False))
    flash = Flash(1 << 20, False)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    life = Life(flash)
    flash.writes_left, flash._is_torn = writes_left, is_torn
    is_cut = life.live()
    found = start_after(life)
    vfs.umount("/flash")
    return is_cut, life, found


class PowerCuts(unittest.TestCase):
    """The power goes at each state of the flash."""

    def test_what_was_moved_to_the_flash_is_there_once_and_in_order_after_a_cut_at_any_write(self):
        states, is_cut = 0, True
        while is_cut:
            for is_torn in (False, True):
                is_cut, life, found = lives(states, is_torn)
                must = [message for file in life.files for message in file]
                self.assertEqual([message for message in must if message not in found], [])
                self.assertEqual([message for message in found if message not in must + life.doubtful], [])
                self.assertEqual(found, sorted(set(found)))
            states += 1
        self.assertGreaterEqual(states, 30)
        print(2 * states, "states of the flash")
