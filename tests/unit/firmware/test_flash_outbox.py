"""The outbox in the flash: what waits survives a restart, in its order, and the flash never holds more than it may."""

import os
import random
import unittest

from firmware.lib.darvaz import flash_outbox
from tests.unit.firmware.test_outbox import waiting

FLASH_BYTES = 4 * flash_outbox.FILE_BYTES


class Flash(unittest.TestCase):
    """A folder stands for the flash; each `start` is a start of the board with what is in it."""

    def setUp(self):
        self.folder = "/tmp/darvaz-outbox-%08x" % random.getrandbits(30)
        self.box = self.start("one")

    def tearDown(self):
        self.remove_files()

    def remove_files(self):
        for name in self.files():
            os.remove(self.folder + "/" + name)
        if self.folder[5:] in os.listdir("/tmp"):
            os.rmdir(self.folder)

    def files(self):
        return os.listdir(self.folder) if self.folder[5:] in os.listdir("/tmp") else []

    def start(self, boot_id):
        return flash_outbox.FlashOutbox(1024, 4096, boot_id, FLASH_BYTES, self.folder)

    def deliver(self, box):
        """Returns what one connection sends until nothing more waits, and confirms all of it."""
        box.rewind()
        messages, is_over = [], False
        while not is_over:
            messages += waiting(box)
            if not box.mark():
                break
            is_over = box.confirm()
        return messages


class Order(Flash):
    """The oldest first, whether in the flash or in memory."""

    def test_what_was_moved_is_sent_before_what_came_later(self):
        self.box.append(b"a")
        self.box.append(b"b")
        self.assertTrue(self.box.spill())
        self.box.append(b"c")

        self.assertEqual(self.deliver(self.box), ["a", "b", "c"])
        self.assertEqual(self.files(), [])

    def test_full_ring_moves_to_the_flash_and_loses_nothing(self):
        sent = ["%04d" % number + "x" * 96 for number in range(150)]
        for text in sent:
            self.box.append(text.encode())

        self.assertEqual(self.deliver(self.box), sent)
        self.assertEqual((self.box.lost, self.box.thinned), (0, 0))

    def test_small_moves_share_a_file(self):
        for text in "abcdef":
            self.box.append(text.encode())
            self.box.spill()

        self.assertEqual(len(self.files()), 1)
        self.assertEqual(self.deliver(self.box), list("abcdef"))

    def test_next_file_waits_until_the_one_before_is_confirmed(self):
        for text in ("a" * 1000, "b" * 1000) * 4:
            self.box.append(text.encode())
        self.box.spill()
        self.box.rewind()

        first = waiting(self.box)
        self.assertEqual(waiting(self.box), [])
        self.assertTrue(self.box.mark())
        self.box.confirm()

        self.assertEqual(len(first) + len(self.deliver(self.box)), 8)

    def test_file_that_is_being_sent_gets_nothing_appended(self):
        self.box.append(b"a")
        self.box.spill()
        self.box.rewind()
        self.assertEqual(waiting(self.box), ["a"])
        self.box.mark()

        self.box.append(b"b")
        self.box.spill()
        self.box.confirm()

        self.assertEqual(waiting(self.box), ["b"])

    def test_what_was_not_confirmed_is_sent_again(self):
        self.box.append(b"a")
        self.box.spill()
        self.box.rewind()
        waiting(self.box)
        self.box.mark()

        self.assertEqual(self.deliver(self.box), ["a"])

    def test_what_is_being_written_is_not_moved(self):
        self.box.append(b"a")
        waiting(self.box)

        self.assertFalse(self.box.spill())


class Restarts(Flash):
    """Each start of the board has a connection of its own."""

    def test_messages_of_an_earlier_start_are_sent_under_its_boot_id_and_alone(self):
        self.box.append(b"old")
        self.box.spill()
        box = self.start("two")
        box.append(b"new")

        self.assertEqual(box.boot_id, "one")
        self.assertEqual(self.deliver(box), ["old"])
        box.rewind()
        self.assertIsNone(box.boot_id)
        self.assertEqual(self.deliver(box), ["new"])

    def test_connection_of_an_earlier_start_ends_also_if_its_files_are_gone(self):
        self.box.append(b"old")
        self.box.spill()
        box = self.start("two")
        self.remove_files()

        self.assertEqual(self.deliver(box), [])
        box.rewind()
        self.assertIsNone(box.boot_id)

    def test_several_starts_follow_each_other(self):
        for boot_id in ("one", "two", "three"):
            box = self.start(boot_id)
            box.append(boot_id.encode())
            box.spill()
        box = self.start("four")

        sent = [(box.boot_id, self.deliver(box)) for _ in range(4) if box.rewind() is None]

        self.assertEqual(sent, [("one", ["one"]), ("two", ["two"]), ("three", ["three"]), (None, [])])

    def test_what_a_power_cut_tore_is_left_out(self):
        self.box.append(b"whole")
        self.box.append(b"torn message")
        self.box.spill()
        path = self.folder + "/" + self.files()[0]
        with open(path, "rb") as file:
            data = file.read()
        for size in range(len(data)):
            with open(path, "wb") as file:
                file.write(data[:size])
            box = self.start("two")

            self.assertIn(waiting(box), (["whole"], []))
            self.assertTrue(box.mark())


class Bounds(Flash):
    """The flash is full before the board is."""

    def test_oldest_file_goes_beyond_the_limit_and_its_messages_are_counted(self):
        for number in range(400):
            self.box.append(b"%04d" % number + b"x" * 96)

        sent = self.deliver(self.box)

        self.assertGreaterEqual(self.box.lost, 1)
        self.assertEqual(len(sent) + self.box.lost, 400)
        self.assertEqual(sent[-1][:4], "0399")
        self.assertEqual([int(text[:4]) for text in sent], list(range(400 - len(sent), 400)))

    def test_flash_never_holds_more_than_it_may(self):
        for number in range(400):
            self.box.append(b"%04d" % number + b"x" * 96)
            used = sum(os.stat(self.folder + "/" + name)[6] for name in self.files())
            self.assertLessEqual(used, FLASH_BYTES)

    def test_flash_that_takes_nothing_leaves_the_messages_in_memory(self):
        self.remove_files()
        self.box.append(b"a")

        self.assertFalse(self.box.spill())
        self.assertEqual(self.deliver(self.box), ["a"])
