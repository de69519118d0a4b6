"""Waiting before the next attempt: how long, how it grows, and when it starts again."""

import unittest

from firmware.lib.darvaz import retrying


def always_longest(limit):
    """Draws the highest number."""
    return limit - 1


def always_zero(limit):
    """Draws zero."""
    return 0


class Waits:
    """A history without links, and random numbers that are known."""

    def __init__(self, random_below):
        self.history = retrying.new_history(["ws://192.168.1.5:3000"])
        self.randrange = random_below

    def fail(self, is_restart=False):
        retrying.random = self
        return retrying.fail(self.history, is_restart)

    def refuse(self, retry_after_s=None):
        retrying.random = self
        return retrying.refuse(self.history, retry_after_s)

    def note_held(self, held_ms):
        retrying.note_held(self.history, held_ms)


class Failures(unittest.TestCase):
    """Attempts that fail: full jitter below a ceiling that doubles."""

    def test_ceiling_doubles_from_one_second_to_sixty(self):
        waits = Waits(always_longest)

        self.assertEqual([waits.fail() for _ in range(8)], [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000])

    def test_wait_is_drawn_from_the_whole_range(self):
        limits = []

        def remember(limit):
            limits.append(limit)
            return 700

        waits = Waits(remember)

        self.assertEqual([waits.fail(), waits.fail()], [700, 700])
        self.assertEqual(limits, [1001, 2001])

    def test_wait_is_never_zero(self):
        self.assertEqual(Waits(always_zero).fail(), retrying.SHORTEST_MS)

    def test_ten_thousand_failures_do_not_wait_longer_than_sixty_seconds(self):
        waits = Waits(always_longest)

        self.assertEqual(max(waits.fail() for _ in range(10000)), retrying.LONGEST_MS)


class Restarts(unittest.TestCase):
    """While a gateway is being restarted its boards try again soon, and not all at once."""

    def test_ceiling_stays_low_while_it_is_being_restarted(self):
        waits = Waits(always_longest)

        self.assertEqual([waits.fail(True) for _ in range(6)], [1000, 2000, 4000, 6000, 6000, 6000])

    def test_after_many_failures_a_restart_is_still_noticed_soon(self):
        waits = Waits(always_longest)
        for _ in range(20):
            waits.fail()

        self.assertEqual((waits.fail(True), waits.fail()), (6000, 60000))

    def test_wait_is_drawn_from_the_whole_range_then_too(self):
        self.assertEqual(Waits(always_zero).fail(True), retrying.SHORTEST_MS)


class Links(unittest.TestCase):
    """A link that was open: after a long one the count starts again."""

    def test_link_that_held_resets_the_wait(self):
        waits = Waits(always_longest)
        waits.fail()
        waits.fail()

        waits.note_held(retrying.HELD_MS)

        self.assertEqual(waits.fail(), 1000)

    def test_link_that_broke_at_once_does_not_reset_the_wait(self):
        waits = Waits(always_longest)
        waits.fail()
        waits.fail()

        waits.note_held(retrying.HELD_MS - 1)

        self.assertEqual(waits.fail(), 4000)


class Refusals(unittest.TestCase):
    """After a refusal the wait is longer than after a failed connection."""

    def test_refusals_wait_longer_than_failures(self):
        waits = Waits(always_longest)

        self.assertEqual([waits.refuse() for _ in range(6)], [2000, 8000, 32000, 128000, 300000, 300000])

    def test_refusals_wait_at_least_half_of_the_ceiling(self):
        waits = Waits(always_zero)

        self.assertEqual([waits.refuse() for _ in range(3)], [1000, 4000, 16000])

    def test_requested_wait_is_kept_even_beyond_sixty_seconds(self):
        self.assertEqual(Waits(always_zero).refuse(120), 120000 + retrying.SHORTEST_MS)

    def test_boards_with_the_same_requested_wait_are_spread(self):
        self.assertEqual(Waits(always_longest).refuse(10), 10000 + 2000)

    def test_absurd_times_are_bounded(self):
        for asked_s, least_ms in ((301, 300000), (10**9, 300000), (float("inf"), 300000), (-5, 0)):
            self.assertEqual(Waits(always_zero).refuse(asked_s), least_ms + retrying.SHORTEST_MS)

    def test_refusal_with_a_time_still_counts(self):
        waits = Waits(always_longest)

        waits.refuse(1)

        self.assertEqual(waits.fail(), 4000)
