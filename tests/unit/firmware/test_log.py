"""The log: levels, what the serial line shows, and what is kept."""

import unittest

from firmware.lib.darvaz import outbox


class Printing(unittest.TestCase):
    """Every line is echoed at once and kept with its level and time."""

    def setUp(self):
        self.kept = []
        self.printed = []
        self.log = outbox.Log(lambda: 61042, lambda *line: self.kept.append(line), echo=self.printed.append)

    def test_line_is_kept_with_its_level_and_its_time(self):
        self.log.warning("the window is open")

        self.assertEqual(self.kept, [("warning", 61042, "the window is open")])

    def test_line_is_echoed_with_level_and_seconds(self):
        self.log.error("no answer")

        self.assertEqual(self.printed, ["E 61.042 no answer"])

    def test_line_below_the_level_is_neither_kept_nor_echoed(self):
        self.log.debug("whispered")

        self.assertEqual((self.kept, self.printed), ([], []))

    def test_level_can_be_lowered_while_it_runs(self):
        self.log.level = outbox.DEBUG

        self.log.debug("whispered")

        self.assertEqual(self.kept[0][0], "debug")

    def test_value_that_is_not_a_text_is_logged_as_text(self):
        self.log.info(21.5)

        self.assertEqual(self.kept[0][2], "21.5")

    def test_half_a_character_is_logged_as_its_number(self):
        self.log.info("window " + chr(0xD800))

        self.assertEqual(self.kept[0][2], "'window \\ud800'")

    def test_every_level_has_its_word(self):
        self.log.level = outbox.DEBUG

        for word in outbox.LEVELS:
            getattr(self.log, word)("x")

        self.assertEqual([line[0] for line in self.kept], list(outbox.LEVELS))


class Length(unittest.TestCase):
    """A line is bounded, and a traceback keeps its end."""

    def setUp(self):
        self.kept = []
        self.log = outbox.Log(lambda: 0, lambda *line: self.kept.append(line[2]), echo=None)

    def test_line_as_long_as_allowed_is_kept_whole(self):
        self.log.info("x" * outbox.LINE_BYTES_MAX)

        self.assertEqual(self.kept, ["x" * outbox.LINE_BYTES_MAX])

    def test_line_one_longer_is_cut_and_marked(self):
        self.log.info("x" * (outbox.LINE_BYTES_MAX + 1))

        self.assertEqual(self.kept, ["x" * (outbox.LINE_BYTES_MAX - 3) + "…"])

    def test_cut_never_splits_a_character(self):
        for shift in range(4):
            self.log.info("a" * shift + "دروازه" * 300)

            self.assertLessEqual(len(self.kept[-1].encode()), outbox.LINE_BYTES_MAX)
            self.assertEqual(self.kept[-1][-1], "…")

    def test_exception_comes_with_its_traceback(self):
        try:
            raise ValueError("the angle is odd")
        except ValueError as error:
            self.log.exception("pan failed", error)

        self.assertTrue(self.kept[0].startswith("pan failed\nTraceback"))
        self.assertTrue(self.kept[0].endswith("ValueError: the angle is odd"))

    def test_long_traceback_keeps_its_end(self):
        try:
            raise ValueError("öö" * 1000 + " the angle is odd")
        except ValueError as error:
            for message in ("pan failed", "pan failed!"):
                self.log.exception(message, error)

        for line in self.kept:
            self.assertTrue(line.startswith("pan failed"))
            self.assertTrue(line.endswith("ö the angle is odd"))
            self.assertGreaterEqual(len(line.encode()), outbox.LINE_BYTES_MAX - 1)
            self.assertLessEqual(len(line.encode()), outbox.LINE_BYTES_MAX)

    def test_message_without_room_for_a_traceback_is_cut(self):
        self.log.exception("x" * 2000, ValueError("the angle is odd"))

        self.assertEqual(self.kept, ["x" * (outbox.LINE_BYTES_MAX - 3) + "…"])

    def test_error_with_half_a_character_is_logged(self):
        self.log.exception("pan failed", ValueError(chr(0xDFFF)))

        self.assertIn("\\udfff", self.kept[0])
