"""The outbox: which messages wait for the gateway, in which order, and which are lost when it is full."""

import unittest

from firmware.lib.darvaz import outbox


def waiting(box):
    """Returns the messages that this connection would write, and notes each as written."""
    messages = []
    message = box.next()
    while message is not None:
        messages.append(bytes(message).decode())
        box.advance()
        message = box.next()
    return messages


class Order(unittest.TestCase):
    """Messages wait until they were confirmed."""

    def setUp(self):
        self.box = outbox.Outbox(64, ring_bytes=256)
        for text in ("one", "two", "three"):
            self.box.append(text.encode())

    def test_messages_are_written_oldest_first(self):
        self.assertEqual(waiting(self.box), ["one", "two", "three"])

    def test_message_is_offered_until_it_was_written(self):
        self.assertEqual(self.box.next(), self.box.next())

    def test_what_was_written_is_not_written_again_on_the_same_connection(self):
        waiting(self.box)
        self.box.append(b"four")

        self.assertEqual(waiting(self.box), ["four"])

    def test_what_was_not_confirmed_is_written_again_on_the_next_connection(self):
        waiting(self.box)

        self.box.rewind()

        self.assertEqual(waiting(self.box), ["one", "two", "three"])

    def test_what_was_confirmed_is_gone(self):
        waiting(self.box)

        self.assertTrue(self.box.mark())
        self.box.confirm()
        self.box.rewind()

        self.assertEqual(waiting(self.box), [])

    def test_confirmation_covers_only_what_was_written_before_the_ping(self):
        waiting(self.box)
        self.box.mark()
        self.box.append(b"four")
        waiting(self.box)

        self.box.confirm()
        self.box.rewind()

        self.assertEqual(waiting(self.box), ["four"])

    def test_confirmation_of_a_former_connection_confirms_nothing(self):
        waiting(self.box)
        self.box.mark()

        self.box.rewind()
        self.box.confirm()

        self.assertEqual(waiting(self.box), ["one", "two", "three"])

    def test_nothing_written_needs_no_confirmation(self):
        self.assertFalse(self.box.mark())

    def test_messages_are_whole_wherever_the_ring_ends(self):
        box = outbox.Outbox(64, ring_bytes=100)
        for number in range(500):
            text = "line %d %s" % (number, "x" * (number % 40))

            box.append(text.encode())

            self.assertEqual(waiting(box), [text])
            box.mark()
            box.confirm()


class Loss(unittest.TestCase):
    """A full ring loses its oldest messages, and counts them."""

    def setUp(self):
        self.box = outbox.Outbox(60, ring_bytes=100)

    def fill(self, first, last):
        for number in range(first, last):
            # Ten bytes each with their length: ten fit.
            self.box.append(b"number%02d" % number)

    def test_ring_filled_to_the_last_byte_loses_nothing(self):
        self.fill(0, 10)

        self.assertEqual((self.box.lost, len(waiting(self.box))), (0, 10))

    def test_one_more_costs_the_oldest(self):
        self.fill(0, 11)

        self.assertEqual(self.box.lost, 1)
        self.assertEqual(waiting(self.box)[0], "number01")

    def test_message_as_long_as_allowed_is_kept(self):
        self.box.append(b"x" * 60)

        self.assertEqual(waiting(self.box), ["x" * 60])

    def test_message_one_longer_is_refused(self):
        with self.assertRaises(ValueError):
            self.box.append(b"x" * 61)

    def test_ring_that_cannot_hold_one_message_is_refused(self):
        with self.assertRaises(AssertionError):
            outbox.Outbox(99, ring_bytes=100)

    def test_message_lost_while_it_was_being_written_costs_no_other(self):
        self.fill(0, 10)
        self.box.next()
        self.fill(10, 11)

        self.box.advance()

        self.assertEqual(waiting(self.box)[0], "number01")

    def test_loss_of_an_older_message_keeps_the_place(self):
        self.fill(0, 10)
        self.box.next()
        self.box.advance()
        self.box.next()
        self.fill(10, 11)

        self.box.advance()

        self.assertEqual(waiting(self.box)[0], "number02")

    def test_loss_of_marked_messages_confirms_no_other(self):
        self.fill(0, 10)
        for _ in range(3):
            self.box.next()
            self.box.advance()
        self.box.mark()
        self.fill(10, 15)

        self.box.confirm()
        self.box.rewind()

        self.assertEqual(waiting(self.box)[0], "number05")

    def test_message_dropped_after_it_was_written_is_lost_only_when_the_connection_dies(self):
        self.fill(0, 10)
        waiting(self.box)

        self.fill(10, 13)
        self.assertEqual(self.box.lost, 0)
        self.box.rewind()

        self.assertEqual(self.box.lost, 3)

    def test_message_dropped_after_it_was_written_and_confirmed_is_not_lost(self):
        self.fill(0, 10)
        waiting(self.box)
        self.fill(10, 13)

        self.assertTrue(self.box.mark())
        self.box.confirm()
        self.box.rewind()

        self.assertEqual(self.box.lost, 0)
