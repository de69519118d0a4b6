"""A WebSocket and a correct gateway: the handshake's answer and its messages, in any pieces."""

import unittest

from firmware.lib.darvaz import websocket
from tests.support.on_board.gateway_end import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    RECEIVE_BYTES,
    TEXT,
    answer_to,
    opened,
    packet,
    receive_all,
    unmasked,
)


class Opening(unittest.TestCase):
    """From the request to the first event."""

    def setUp(self):
        self.one = websocket.WebSocket(RECEIVE_BYTES, 512)
        self.answer = answer_to(self.one.start("h", "/ws/pico", {}))

    def test_answer_opens_it(self):
        self.assertEqual(receive_all(self.one, self.answer), [("opened",)])
        self.assertEqual(self.one.state, websocket.OPEN)

    def test_answer_one_byte_at_a_time_opens_it(self):
        self.assertEqual(receive_all(self.one, self.answer, step=1), [("opened",)])

    def test_packet_right_behind_the_answer_is_received(self):
        events = receive_all(self.one, self.answer + packet(TEXT, b"hello"))

        self.assertEqual(events, [("opened",), ("text", "hello")])

    def test_cut_after_every_byte_is_a_hang_up(self):
        for size in range(len(self.answer)):
            one = websocket.WebSocket(RECEIVE_BYTES, 512)
            answer = answer_to(one.start("h", "/", {}))
            self.assertEqual(receive_all(one, answer[:size]), [])
            one.receive(0)
            self.assertEqual(one.take_event(), ("closed", 1006, "the gateway hung up"))
            self.assertIsNone(one.take_event())
            self.assertIsNone(one.take_write())

    def test_refusal_comes_with_its_body(self):
        answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nwait"

        self.assertEqual(receive_all(self.one, answer, step=1), [("refused", 429, 7, "wait")])
        self.assertEqual(self.one.state, websocket.CLOSED)

    def test_refusal_whose_body_never_comes_is_reported_when_the_gateway_hangs_up(self):
        self.assertEqual(receive_all(self.one, b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nwa"), [])

        self.one.receive(0)

        self.assertEqual(self.one.take_event(), ("refused", 503, None, "wa"))

    def test_body_larger_than_the_buffer_is_cut(self):
        events = receive_all(self.one, b"HTTP/1.1 500 Oops\r\nContent-Length: 99999\r\n\r\n" + b"x" * 1900)
        self.assertEqual(events, [])

        events = receive_all(self.one, b"x" * 400, step=50)

        self.assertEqual(events[0][:3], ("refused", 500, None))

    def test_reason_of_a_refusal_that_is_not_utf8_is_left_out(self):
        events = receive_all(self.one, b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n\xff\xfe")

        self.assertEqual(events, [("refused", 401, None, "")])

    def test_nothing_is_received_after_a_refusal(self):
        events = receive_all(self.one, b"HTTP/1.1 401 No\r\n\r\n" + packet(TEXT, b"but listen"))

        self.assertEqual(events, [("refused", 401, None, "")])
        self.assertIsNone(self.one.take_write())

    def test_answer_to_another_request_fails(self):
        other = answer_to(websocket.WebSocket(RECEIVE_BYTES, 512).start("h", "/", {}))

        self.assertEqual(receive_all(self.one, other)[0][:2], ("failed", 1002))
        self.assertEqual(self.one.state, websocket.CLOSED)
        self.assertIsNone(self.one.take_write())

    def test_head_as_long_as_allowed_is_read_and_one_byte_more_is_not(self):
        for size, count in ((websocket.ANSWER_BYTES_MAX, 0), (websocket.ANSWER_BYTES_MAX + 1, 1)):
            one = websocket.WebSocket(RECEIVE_BYTES, 512)
            one.start("h", "/", {})

            self.assertEqual(len(receive_all(one, (b"HTTP/1.1 101 X" + b"x" * size)[:size], step=64)), count)

    def test_answer_that_is_not_http_fails_at_its_first_byte(self):
        self.assertEqual(receive_all(self.one, b"S", step=1)[0][:2], ("failed", 1002))

    def test_endless_head_fails(self):
        events = receive_all(self.one, b"HTTP/1.1 101 X\r\n" + b"a: b\r\n" * 500)

        self.assertEqual(events[0][:2], ("failed", 1002))

    def test_nothing_can_be_sent_before_it_is_open(self):
        for send in (lambda: self.one.send_text("x"), self.one.send_ping, lambda: self.one.send_frame(bytearray(4))):
            with self.assertRaises(websocket.NotOpen):
                send()

    def test_smallest_and_largest_buffers_are_accepted(self):
        for sizes in ((websocket.ANSWER_BYTES_MAX, 125), (RECEIVE_BYTES, 65535)):
            self.assertEqual(websocket.WebSocket(*sizes).send_bytes_max, sizes[1])

    def test_other_buffers_are_refused(self):
        for sizes in ((websocket.ANSWER_BYTES_MAX - 1, 512), (RECEIVE_BYTES, 124), (RECEIVE_BYTES, 65536)):
            with self.assertRaises(AssertionError):
                websocket.WebSocket(*sizes)


class Messages(unittest.TestCase):
    """Texts and binaries, whole and in fragments."""

    def test_text_and_binary_are_received(self):
        events = receive_all(opened(), packet(TEXT, "سلام".encode()) + packet(BINARY, b"\x00\xff") + packet(TEXT))

        self.assertEqual(events, [("text", "سلام"), ("binary", b"\x00\xff"), ("text", "")])

    def test_lengths_around_each_form_are_received_in_any_pieces(self):
        for size in (0, 1, 125, 126, 127, RECEIVE_BYTES - 1, RECEIVE_BYTES):
            for step in (1, 7, 1000, None):
                self.assertEqual(receive_all(opened(), packet(TEXT, b"x" * size), step), [("text", "x" * size)])

    def test_message_one_byte_too_large_fails_before_it_comes(self):
        events = receive_all(opened(), packet(TEXT, b"x" * (RECEIVE_BYTES + 1))[:4])

        self.assertEqual(events[0][:2], ("failed", 1009))

    def test_message_with_a_length_of_64_bits_is_received(self):
        one = opened(receive_bytes=65536)
        self.assertEqual(receive_all(one, b"\x82\x7f" + (65536).to_bytes(8, "big")), [])
        for _ in range(63):
            self.assertEqual(receive_all(one, b"x" * 1024), [])

        one.input_space()[:1024] = b"y" * 1024
        one.receive(1024)

        name, view = one.take_event()
        self.assertEqual((name, len(view), view[0], view[-1]), ("binary", 65536, ord("x"), ord("y")))

    def test_announced_megabyte_and_exabyte_fail_at_once(self):
        for size in (10**6, 2**63 - 1, 2**64 - 1):
            one = opened()
            events = receive_all(one, b"\x81\x7f" + size.to_bytes(8, "big"))
            self.assertEqual(events[0][:2], ("failed", 1009))
            self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xf1"))

    def test_fragments_are_one_message(self):
        data = packet(TEXT, b"he", False) + packet(0, b"", False) + packet(0, b"ll", False) + packet(0, b"o")

        for step in (1, 3, None):
            self.assertEqual(receive_all(opened(), data, step), [("text", "hello")])

    def test_fragments_together_may_fill_the_buffer_and_no_more(self):
        half = RECEIVE_BYTES // 2
        whole = packet(BINARY, b"x" * half, False) + packet(0, b"y" * (RECEIVE_BYTES - half))
        self.assertEqual(receive_all(opened(), whole), [("binary", b"x" * half + b"y" * (RECEIVE_BYTES - half))])

        more = packet(BINARY, b"x" * half, False) + packet(0, b"y" * (RECEIVE_BYTES - half + 1))
        self.assertEqual(receive_all(opened(), more)[0][:2], ("failed", 1009))

    def test_control_packets_between_fragments_are_received(self):
        one = opened()
        data = packet(TEXT, b"x" * RECEIVE_BYTES, False) + packet(PONG, b"p" * 125)
        data += packet(PING, b"q" * 125) + packet(0)

        for step in (None, 1):
            self.assertEqual(receive_all(one, data, step), [("pong",), ("text", "x" * RECEIVE_BYTES)])
            self.assertEqual(unmasked(one.take_write()), (PONG, b"q" * 125))

    def test_character_split_between_fragments_is_whole(self):
        for data in ("ü".encode(), "€".encode(), "😀".encode()):
            for at in range(1, len(data)):
                whole = packet(TEXT, data[:at], False) + packet(PING) + packet(0, data[at:])
                self.assertEqual(receive_all(opened(), whole), [("text", data.decode())])

    def test_text_that_is_not_utf8_fails(self):
        for data in (
            b"\xff",
            b"\x80",
            b"cut \xe2\x82",
            b"\xc0\xaf",  # overlong
            b"\xe0\x80\xaf",
            b"\xed\xa0\x80",  # half a character
            b"\xf4\x90\x80\x80",  # beyond the last one
        ):
            for packets in (packet(TEXT, data), packet(TEXT, data[:1], False) + packet(0, data[1:])):
                one = opened()
                self.assertEqual(receive_all(one, packets)[0][:2], ("failed", 1007))
                self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xef"))

    def test_binary_need_not_be_utf8(self):
        self.assertEqual(receive_all(opened(), packet(BINARY, b"\xff\xfe")), [("binary", b"\xff\xfe")])

    def test_thousand_messages_pass_through_the_same_buffer(self):
        one = opened()
        for number in range(1000):
            text = "m" * (number % 300)
            self.assertEqual(receive_all(one, packet(TEXT, text.encode()), 97), [("text", text)])
