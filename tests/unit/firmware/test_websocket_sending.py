"""What a WebSocket writes: texts, frames, pings and pongs."""

import unittest
from array import array

from tests.support.on_board.gateway_end import BINARY, PING, PONG, TEXT, opened, packet, receive_all, unmasked


class Sending(unittest.TestCase):
    """What a device writes is masked, whole, and in one piece."""

    def test_texts_of_every_form_of_length_are_sent(self):
        one = opened(send_bytes_max=4000)
        for size in (0, 1, 125, 126, 1000, 4000):
            self.assertEqual(unmasked(one.send_text("x" * size)), (TEXT, b"x" * size))

    def test_text_is_sent_as_utf8_whether_encoded_or_not(self):
        one = opened()

        self.assertEqual(unmasked(one.send_text("سلام")), (TEXT, "سلام".encode()))
        self.assertEqual(unmasked(one.send_text("سلام".encode())), (TEXT, "سلام".encode()))

    def test_text_one_byte_too_long_is_refused(self):
        one = opened(send_bytes_max=200)
        one.send_text("x" * 200)

        with self.assertRaises(ValueError):
            one.send_text("x" * 201)

    def test_no_mask_is_used_twice(self):
        one = opened()

        self.assertEqual(len({bytes(one.send_text("x"))[2:6] for _ in range(50)}), 50)

    def test_newest_ping_is_answered_with_its_payload(self):
        one = opened()
        receive_all(one, b"".join(packet(PING, b"%d" % number) for number in range(100)))

        self.assertEqual(unmasked(one.take_write()), (PONG, b"99"))
        self.assertIsNone(one.take_write())

    def test_ping_of_ours_is_empty(self):
        self.assertEqual(unmasked(opened().send_ping()), (PING, b""))

    def test_frame_is_masked_where_it_lies_and_its_header_goes_before_it(self):
        one = opened()
        for size in (0, 1, 3, 125, 126, 127, 2001):
            frame = bytearray([i & 255 for i in range(size)])
            original = bytes(frame)

            header = one.send_frame(frame)

            self.assertEqual(unmasked(bytes(header) + bytes(frame)), (BINARY, original))

    def test_header_has_the_shortest_form_of_the_length(self):
        for size, start in ((125, b"\x82\xfd"), (126, b"\x82\xfe\x00\x7e"), (65535, b"\x82\xfe\xff\xff")):
            frame = bytearray(size)
            header = bytes(opened().send_frame(frame))
            self.assertEqual((header[:-4], bytes(frame[:4])), (start, header[-4:]))

    def test_frame_of_64_kilobytes_has_a_long_header(self):
        frame = bytearray(65536)

        header = bytes(opened().send_frame(frame))

        self.assertEqual((header[:2], header[2:10]), (b"\x82\xff", (65536).to_bytes(8, "big")))
        self.assertEqual((bytes(frame[:4]), bytes(frame[-4:])), (header[10:], header[10:]))

    def test_frame_of_signed_bytes_is_sent_like_any_other(self):
        pixels = array("b", [(i & 255) - 128 for i in range(300)])
        original = bytes(pixels)

        header = opened().send_frame(memoryview(pixels))

        self.assertEqual(unmasked(bytes(header) + bytes(pixels)), (BINARY, original))

    def test_part_of_a_buffer_is_sent_and_the_rest_left_alone(self):
        for start in range(4):
            buffer = bytearray(range(100))
            original = bytes(buffer)

            part = memoryview(buffer)[start : start + 50]
            header = opened().send_frame(part)

            self.assertEqual(unmasked(bytes(header) + bytes(part)), (BINARY, original[start : start + 50]))
            self.assertEqual(buffer[:start] + buffer[start + 50 :], original[:start] + original[start + 50 :])

    def test_packet_is_good_until_the_next_one(self):
        one = opened()
        packet_of_ours = one.send_text("hello")

        receive_all(one, packet(TEXT, b"x" * 300) + packet(PING, b"x"))
        one.take_event()

        self.assertEqual(unmasked(packet_of_ours), (TEXT, b"hello"))

    def test_text_that_holds_half_a_character_is_refused(self):
        with self.assertRaises(ValueError):
            opened().send_text(chr(0xD800))

    def test_text_is_measured_in_bytes(self):
        one = opened(send_bytes_max=200)
        one.send_text("ü" * 100)

        with self.assertRaises(ValueError):
            one.send_text("ü" * 100 + "x")

    def test_refused_text_leaves_the_websocket_open(self):
        one = opened(send_bytes_max=200)
        with self.assertRaises(ValueError):
            one.send_text("x" * 201)

        self.assertEqual(unmasked(one.send_text("shorter")), (TEXT, b"shorter"))
