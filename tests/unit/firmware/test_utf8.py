"""UTF-8 by the standard, where MicroPython's own decoder accepts more."""

import unittest

from firmware.lib.darvaz import session, traceback_text

VALID = ("", "a", "سلام", "ü€😀", "\x00\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff")
INVALID = (
    b"\x80",
    b"\xff",
    b"\xc0\x80",  # overlong
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",  # half a character
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",  # beyond the last
    b"\xf5\x80\x80\x80",
    b"\xc3",  # cut
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"a\xe2b",
    b"ok \xc3\x28",
)


class Decoding(unittest.TestCase):
    """Only UTF-8 becomes text."""

    def test_valid_text_comes_back(self):
        for text in VALID:
            self.assertEqual(session.decode(memoryview(text.encode())), text)

    def test_everything_else_is_none(self):
        for data in INVALID:
            self.assertIsNone(session.decode(memoryview(data)))
            self.assertIsNone(session.decode(memoryview(b"text before " + data)))

    def test_every_pair_of_bytes_is_judged_as_the_standard_does(self):
        for lead in range(0xC0, 0x100):
            for second in range(0x70, 0xD0, 5):
                is_valid = 0xC2 <= lead <= 0xDF and 0x80 <= second <= 0xBF
                self.assertEqual(session.decode(bytes((lead, second))) is not None, is_valid)

    def test_every_start_of_a_long_character_is_judged_as_the_standard_does(self):
        for lead in range(0xE0, 0xF8):
            for second in range(0x80, 0xC0):
                if lead < 0xF0:
                    code = (lead & 15) << 12 | (second & 63) << 6
                    is_valid = code >= 0x800 and not 0xD800 <= code <= 0xDFFF
                    data = bytes((lead, second, 0x80))
                else:
                    code = (lead & 7) << 18 | (second & 63) << 12
                    is_valid = 0x10000 <= code <= 0x10FFFF
                    data = bytes((lead, second, 0x80, 0x80))
                text = session.decode(data)
                self.assertEqual(text is not None, is_valid)
                if is_valid:
                    self.assertEqual(ord(text), code)


class Encoding(unittest.TestCase):
    """A text with half a character is not sent."""

    def test_valid_text_is_encoded(self):
        for text in VALID:
            self.assertEqual(session.encode(text), text.encode())

    def test_lone_surrogate_is_refused(self):
        with self.assertRaises(ValueError):
            session.encode("a" + chr(0xD800))

    def test_cut_keeps_whole_characters(self):
        data = "aü€😀".encode()
        self.assertEqual([traceback_text.cut(data, size) for size in range(12)], [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10])
