"""The WebSocket without I/O: every rule of RFC 6455 that a device meets, one byte at a time where that matters."""

import random
import unittest

from firmware.lib.darvaz import handshake, websocket

MOST = 2048
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def packet(opcode, data=b"", is_last=True):
    """Returns a packet as a gateway sends it."""
    first = bytes([opcode | (0x80 if is_last else 0)])
    if len(data) < 126:
        return first + bytes([len(data)]) + data
    if len(data) < 65536:
        return first + b"\x7e" + len(data).to_bytes(2, "big") + data
    return first + b"\x7f" + len(data).to_bytes(8, "big") + data


def unmasked(view):
    """Returns (opcode, payload) of a packet that a device wrote."""
    data = bytes(view)
    size, at = data[1] & 127, 2
    assert data[1] & 128, "not masked"
    if size > 125:
        count = 2 if size == 126 else 8
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    key, body = data[at : at + 4], data[at + 4 :]
    assert len(body) == size, "wrong length"
    return data[0] & 15, bytes([body[i] ^ key[i & 3] for i in range(size)])


def answer_to(request):
    """Returns the answer that accepts a request."""
    lines = request.decode().split("\r\n")
    (key,) = [line[19:] for line in lines if line.startswith("Sec-WebSocket-Key: ")]
    accept = handshake.accept_of(key)
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return (head + "Sec-WebSocket-Accept: %s\r\n\r\n" % accept).encode()


def feed(one, data, step=None):
    """Feeds bytes, in pieces of a size if one is given, and returns the events, their views as bytes."""
    events = []
    at = 0
    while at < len(data):
        room = one.room()
        count = min(len(room), len(data) - at, step or len(data))
        if not count:
            raise AssertionError("no room")
        room[:count] = data[at : at + count]
        one.receive(count)
        at += count
        event = one.take_event()
        while event is not None:
            events.append(("binary", bytes(event[1])) if event[0] == "binary" else event)
            event = one.take_event()
    return events


def opened(send_bytes_max=512):
    """Returns a WebSocket whose handshake is done."""
    one = websocket.WebSocket(MOST, send_bytes_max)
    feed(one, answer_to(one.start("h", "/", {})))
    return one


class Opening(unittest.TestCase):
    """From the request to the first event."""

    def setUp(self):
        self.one = websocket.WebSocket(MOST, 512)
        self.answer = answer_to(self.one.start("h", "/ws/pico", {}))

    def test_answer_opens_it(self):
        self.assertEqual(feed(self.one, self.answer), [("opened",)])
        self.assertEqual(self.one.state, websocket.OPEN)

    def test_answer_one_byte_at_a_time_opens_it(self):
        self.assertEqual(feed(self.one, self.answer, step=1), [("opened",)])

    def test_packet_right_behind_the_answer_is_heard(self):
        events = feed(self.one, self.answer + packet(TEXT, b"hello"))

        self.assertEqual(events, [("opened",), ("text", "hello")])

    def test_cut_after_every_byte_is_a_hang_up(self):
        for size in range(len(self.answer)):
            one = websocket.WebSocket(MOST, 512)
            answer = answer_to(one.start("h", "/", {}))
            self.assertEqual(feed(one, answer[:size]), [])
            one.receive(0)
            self.assertEqual(one.take_event(), ("closed", 1006, "the gateway hung up"))
            self.assertIsNone(one.take_event())
            self.assertIsNone(one.take_write())

    def test_refusal_comes_with_its_body(self):
        answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nwait"

        self.assertEqual(feed(self.one, answer, step=1), [("refused", 429, 7, "wait")])
        self.assertEqual(self.one.state, websocket.CLOSED)

    def test_refusal_whose_body_never_comes_is_told_when_the_gateway_hangs_up(self):
        self.assertEqual(feed(self.one, b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nwa"), [])

        self.one.receive(0)

        self.assertEqual(self.one.take_event(), ("refused", 503, None, "wa"))

    def test_body_larger_than_the_buffer_is_cut(self):
        events = feed(self.one, b"HTTP/1.1 500 Oops\r\nContent-Length: 99999\r\n\r\n" + b"x" * 1900)
        self.assertEqual(events, [])

        events = feed(self.one, b"x" * 400, step=50)

        self.assertEqual(events[0][:3], ("refused", 500, None))

    def test_answer_that_is_not_http_fails_at_its_first_byte(self):
        self.assertEqual(feed(self.one, b"S", step=1)[0][:2], ("failed", 1002))

    def test_endless_head_fails(self):
        events = feed(self.one, b"HTTP/1.1 101 X\r\n" + b"a: b\r\n" * 500)

        self.assertEqual(events[0][:2], ("failed", 1002))

    def test_nothing_can_be_sent_before_it_is_open(self):
        for send in (lambda: self.one.send_text("x"), self.one.send_ping, lambda: self.one.send_frame(bytearray(4))):
            with self.assertRaises(websocket.NotOpen):
                send()

    def test_buffers_too_small_for_a_handshake_are_refused(self):
        for sizes in ((websocket.ANSWER_BYTES_MAX - 1, 512), (MOST, 124), (MOST, 65536)):
            with self.assertRaises(ValueError):
                websocket.WebSocket(*sizes)


class Messages(unittest.TestCase):
    """Texts and binaries, whole and in fragments."""

    def test_text_and_binary_are_heard(self):
        events = feed(opened(), packet(TEXT, "سلام".encode()) + packet(BINARY, b"\x00\xff") + packet(TEXT))

        self.assertEqual(events, [("text", "سلام"), ("binary", b"\x00\xff"), ("text", "")])

    def test_lengths_around_each_form_are_heard_in_any_pieces(self):
        for size in (0, 1, 125, 126, 127, 2000, MOST):
            for step in (1, 7, 1000, None):
                self.assertEqual(feed(opened(), packet(TEXT, b"x" * size), step), [("text", "x" * size)])

    def test_message_one_byte_too_large_fails_before_it_comes(self):
        events = feed(opened(), packet(TEXT, b"x" * (MOST + 1))[:4])

        self.assertEqual(events[0][:2], ("failed", 1009))

    def test_announced_megabyte_and_exabyte_fail_at_once(self):
        for size in (10**6, 2**63 - 1, 2**64 - 1):
            one = opened()
            events = feed(one, b"\x81\x7f" + size.to_bytes(8, "big"))
            self.assertEqual(events[0][:2], ("failed", 1009))
            self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xf1"))

    def test_fragments_are_one_message(self):
        data = packet(TEXT, b"he", False) + packet(0, b"", False) + packet(0, b"ll", False) + packet(0, b"o")

        for step in (1, 3, None):
            self.assertEqual(feed(opened(), data, step), [("text", "hello")])

    def test_fragments_together_may_fill_the_buffer_and_no_more(self):
        half = MOST // 2
        whole = packet(BINARY, b"x" * half, False) + packet(0, b"y" * (MOST - half))
        self.assertEqual(feed(opened(), whole), [("binary", b"x" * half + b"y" * (MOST - half))])

        more = packet(BINARY, b"x" * half, False) + packet(0, b"y" * (MOST - half + 1))
        self.assertEqual(feed(opened(), more)[0][:2], ("failed", 1009))

    def test_control_packets_between_fragments_are_heard(self):
        one = opened()
        data = packet(TEXT, b"x" * MOST, False) + packet(PONG, b"p" * 125) + packet(PING, b"q" * 125) + packet(0)

        self.assertEqual(feed(one, data), [("pong",), ("text", "x" * MOST)])
        self.assertEqual(unmasked(one.take_write()), (PONG, b"q" * 125))

    def test_character_split_between_fragments_is_whole(self):
        data = "€".encode()

        self.assertEqual(feed(opened(), packet(TEXT, data[:1], False) + packet(0, data[1:])), [("text", "€")])

    def test_text_that_is_not_utf8_fails(self):
        one = opened()

        self.assertEqual(feed(one, packet(TEXT, b"\xff"))[0][:2], ("failed", 1007))
        self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xef"))

    def test_thousand_messages_pass_through_the_same_buffer(self):
        one = opened()
        for number in range(1000):
            text = "m" * (number % 300)
            self.assertEqual(feed(one, packet(TEXT, text.encode()), 97), [("text", text)])


class Rules(unittest.TestCase):
    """What a gateway must not do ends the WebSocket with the code for it."""

    def test_each_broken_rule_fails_with_1002(self):
        for data in (
            b"\xc1\x00",  # each reserved bit
            b"\xa1\x00",
            b"\x91\x00",
            b"\x83\x00",  # unknown opcodes
            b"\x87\x00",
            b"\x8b\x00",
            b"\x8f\x00",
            b"\x81\x80\x00\x00\x00\x00",  # masked
            b"\x80\x00",  # continues nothing
            b"\x01\x00\x01\x00",  # begins anew in the middle
            b"\x09\x00",  # a control packet in fragments
            b"\x89\x7e\x00\x7e",  # and one that is too long
            b"\x81\x7e\x00\x7d",  # lengths in more bytes than they need
            b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
        ):
            for step in (1, None):
                one = opened()
                self.assertEqual(feed(one, data, step)[0][:2], ("failed", 1002))
                self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xea"))
                self.assertIsNone(one.take_write())

    def test_random_bytes_never_raise(self):
        for seed in range(150):
            random.seed(seed)
            one = opened() if seed & 1 else websocket.WebSocket(MOST, 512)
            if not seed & 1:
                one.start("h", "/", {})
            for _ in range(20):
                room = one.room()
                if not len(room):
                    break
                count = min(len(room), random.randrange(1, 60))
                for i in range(count):
                    room[i] = random.getrandbits(8)
                one.receive(count)
                while one.take_event() is not None:
                    pass
                one.take_write()
            one.receive(0)
            one.take_event()
            self.assertEqual(one.state, websocket.CLOSED)


class Closing(unittest.TestCase):
    """Either end may say goodbye."""

    def test_close_of_the_gateway_is_answered_with_its_code(self):
        one = opened()

        self.assertEqual(feed(one, packet(CLOSE, b"\x11\x31because")), [("closed", 4401, "because")])
        self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x11\x31"))
        self.assertIsNone(one.take_write())

    def test_close_without_a_code_is_answered_without_one(self):
        one = opened()

        self.assertEqual(feed(one, packet(CLOSE)), [("closed", 1005, "")])
        self.assertEqual(unmasked(one.take_write()), (CLOSE, b""))

    def test_codes_are_those_that_may_be_sent(self):
        for code in (1000, 1003, 1007, 1011, 1012, 1014, 3000, 4401, 4999):
            self.assertEqual(feed(opened(), packet(CLOSE, code.to_bytes(2, "big")))[0][:2], ("closed", code))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
            self.assertEqual(feed(opened(), packet(CLOSE, code.to_bytes(2, "big")))[0][:2], ("failed", 1002))

    def test_odd_close_packets_fail(self):
        self.assertEqual(feed(opened(), packet(CLOSE, b"\x03"))[0][:2], ("failed", 1002))
        self.assertEqual(feed(opened(), packet(CLOSE, b"\x03\xe8\xff"))[0][:2], ("failed", 1007))

    def test_close_of_ours_waits_for_the_gateways(self):
        one = opened()

        self.assertEqual(unmasked(one.send_close()), (CLOSE, b"\x03\xe8"))
        events = feed(one, packet(TEXT, b"still talking") + packet(CLOSE, b"\x03\xe8"))

        self.assertEqual(events, [("text", "still talking"), ("closed", 1000, "")])
        self.assertIsNone(one.take_write())

    def test_nothing_is_sent_after_the_close(self):
        one = opened()
        one.send_close()

        with self.assertRaises(websocket.NotOpen):
            one.send_text("too late")
        feed(one, packet(PING, b"x"))
        self.assertIsNone(one.take_write())

    def test_nothing_is_heard_after_the_close(self):
        self.assertEqual(len(feed(opened(), packet(CLOSE, b"\x03\xe8") + packet(TEXT, b"late"))), 1)

    def test_hang_up_is_told_once(self):
        one = opened()

        one.receive(0)

        self.assertEqual(one.take_event(), ("closed", 1006, "the gateway hung up"))
        self.assertIsNone(one.take_event())
        self.assertIsNone(one.take_write())

    def test_next_connection_starts_clean(self):
        one = opened()
        feed(one, packet(TEXT, b"half", False) + packet(PING, b"old") + b"\x81")

        answer = answer_to(one.start("h", "/", {}))

        self.assertEqual(feed(one, answer + packet(TEXT, b"new")), [("opened",), ("text", "new")])
        self.assertIsNone(one.take_write())


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
        feed(one, b"".join(packet(PING, b"%d" % number) for number in range(100)))

        self.assertEqual(unmasked(one.take_write()), (PONG, b"99"))
        self.assertIsNone(one.take_write())

    def test_ping_of_ours_is_empty(self):
        self.assertEqual(unmasked(opened().send_ping()), (PING, b""))

    def test_frame_is_masked_where_it_lies_and_its_header_goes_before_it(self):
        one = opened()
        for size in (0, 1, 125, 126, 2000):
            frame = bytearray(i & 255 for i in range(size))
            original = bytes(frame)

            header = one.send_frame(frame)

            self.assertEqual(unmasked(bytes(header) + bytes(frame)), (BINARY, original))

    def test_frame_of_64_kilobytes_has_a_long_header(self):
        frame = bytearray(65536)

        header = bytes(opened().send_frame(frame))

        self.assertEqual((header[:2], header[2:10]), (b"\x82\xff", (65536).to_bytes(8, "big")))
        self.assertEqual(bytes(frame[:4]), header[10:])
