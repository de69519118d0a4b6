"""Masking in place: every way gives what RFC 6455 section 5.3 asks for."""

import sys
import unittest
from array import array

from firmware.lib.darvaz import websocket


def slowly(data, key):
    """Returns the masked bytes, by the definition."""
    return bytes([byte ^ key[i % 4] for i, byte in enumerate(data)])


class Masking(unittest.TestCase):
    """What goes out is the payload XOR the key, wherever the payload lies."""

    def test_every_length_and_every_alignment_is_masked_correctly(self):
        key = bytearray(b"\x01\x80\xfe\x37")
        for start in range(5):
            for size in range(20):
                whole = bytearray(range(100, 130))
                expected = slowly(whole[start : start + size], key)

                websocket.mask(memoryview(whole)[start : start + size], key)

                self.assertEqual(bytes(whole[start : start + size]), expected)
                self.assertEqual(bytes(whole[:start]), bytes(range(100, 100 + start)))
                self.assertEqual(bytes(whole[start + size :]), bytes(range(100 + start + size, 130)))

    def test_machine_code_is_used_on_micropython(self):
        self.assertEqual(websocket.IS_FAST, sys.implementation.name == "micropython")

    def test_plain_way_agrees_with_the_fast_one(self):
        key = websocket.new_key()
        for size in range(70):
            for start in range(4):
                fast = bytearray([(i * 7) & 255 for i in range(start + size + 5)])
                plain = bytearray(fast)

                websocket.mask(memoryview(fast)[start : start + size], key)
                websocket.mask_plainly(memoryview(plain)[start : start + size], key)

                self.assertEqual(fast, plain)

    def test_both_ways_agree_on_a_whole_picture(self):
        key = websocket.new_key()
        for start in (0, 1):
            fast = bytearray(20003)
            plain = bytearray(20003)

            websocket.mask(memoryview(fast)[start:], key)
            websocket.mask_plainly(memoryview(plain)[start:], key)

            self.assertEqual(fast, plain)
            self.assertEqual(bytes(fast[start : start + 4]), bytes(key))

    def test_masking_twice_gives_the_payload_back(self):
        data, key = bytearray(b"the same key undoes it"), websocket.new_key()

        websocket.mask(data, key)
        websocket.mask(data, key)

        self.assertEqual(data, b"the same key undoes it")

    def test_example_of_the_rfc(self):
        data = bytearray(b"Hello")

        websocket.mask(data, bytearray(b"\x37\xfa\x21\x3d"))

        self.assertEqual(data, b"\x7f\x9f\x4d\x51\x58")

    def test_words_are_only_used_where_they_stand_on_a_multiple_of_four(self):
        self.assertEqual([websocket.whole_words(address, 11) for address in range(1000, 1006)], [2, 0, 0, 0, 2, 0])

    def test_bytes_that_must_not_change_are_refused(self):
        for data in (b"constant", memoryview(b"constant")):
            with self.assertRaises(TypeError):
                websocket.mask(data, websocket.new_key())

    def test_key_of_another_length_is_refused(self):
        with self.assertRaises(AssertionError):
            websocket.mask(bytearray(8), b"abc")

    def test_keys_are_four_bytes_and_not_foreseeable(self):
        keys = {bytes(websocket.new_key()) for _ in range(100)}

        self.assertEqual({len(key) for key in keys}, {4})
        self.assertGreaterEqual(len(keys), 99)


class CameraBuffers(unittest.TestCase):
    """The camera's driver hands out signed bytes."""

    def test_signed_bytes_are_masked_like_unsigned_ones(self):
        for masking in (websocket.mask, websocket.mask_plainly):
            pixels, key = array("b", range(-9, 10)), bytearray(b"\x80\xff\x00\x7f")
            expected = slowly(bytes(pixels), key)

            masking(memoryview(pixels), key)

            self.assertEqual(bytes(pixels), expected)
