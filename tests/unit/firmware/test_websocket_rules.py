"""A WebSocket and a gateway that breaks a rule, closes, or sends nonsense."""

import random
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
    take_events,
    unmasked,
)

ENDS = ("closed", "failed", "refused")
CONVERSATION = (
    packet(TEXT, b"hello")
    + packet(PING, b"1")
    + packet(BINARY, b"\xff\xd8", False)
    + packet(PING, b"2")
    + packet(0, b"\xff\xd9")
    + packet(PONG)
    + packet(TEXT, "سلام".encode() * 30)
    + packet(CLOSE, b"\x03\xe8good night")
)


def spoiled(data, chance):
    """Returns the bytes with some of them changed, dropped or doubled."""
    data = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at, fault = chance.randrange(len(data)), chance.randrange(3)
        if fault == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif fault == 1:
            data = data[:at] + data[at + 1 :]
        else:
            data = data[:at] + data[at // 2 :]
    return bytes(data)


class Rules(unittest.TestCase):
    """A broken rule ends the WebSocket with the code for it."""

    def test_each_broken_rule_fails_with_1002(self):
        for data in (
            b"\xc1\x00",  # each reserved bit
            b"\xa1\x00",
            b"\x91\x00",
            b"\x81\x80\x00\x00\x00\x00",  # a text that is masked
            b"\x89\x80\x00\x00\x00\x00",  # and a ping
            b"\x80\x00",  # continues nothing
            b"\x00\x00",
            b"\x81\x00\x80\x00",
            b"\x01\x00\x01\x00",  # begins again in the middle
            b"\x01\x00\x82\x00",
            b"\x08\x00",  # control packets in fragments
            b"\x09\x00",
            b"\x0a\x00",
            b"\x89\x7e\x00\x7e",  # and too long ones
            b"\x88\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
            b"\x81\x7e\x00\x7d",  # lengths in more bytes than they need
            b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
        ):
            for step in (1, None):
                one = opened()
                self.assertEqual(receive_all(one, data, step)[-1][:2], ("failed", 1002))
                self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xea"))
                self.assertIsNone(one.take_write())

    def test_each_unknown_opcode_fails_with_1002(self):
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            self.assertEqual(receive_all(opened(), packet(opcode))[0][:2], ("failed", 1002))

    def test_nothing_is_received_after_a_broken_rule(self):
        one = opened()

        self.assertEqual(len(receive_all(one, b"\x83\x00" + packet(PING) + packet(TEXT, b"sorry"))), 1)
        self.assertEqual(unmasked(one.take_write())[0], CLOSE)
        self.assertIsNone(one.take_write())

    def test_rule_broken_after_our_close_is_answered_with_nothing_more(self):
        one = opened()
        one.send_close()

        self.assertEqual(receive_all(one, b"\x83\x00")[0][:2], ("failed", 1002))
        self.assertIsNone(one.take_write())


class Nonsense(unittest.TestCase):
    """No input raises, and a WebSocket that ended stays ended."""

    def live(self, one, data, chance):
        """Feeds bytes in pieces of random sizes and hangs up; there is at most one end."""
        events = []
        at = 0
        while at < len(data):
            size = chance.randrange(1, 60)
            events += receive_all(one, data[at : at + size])
            at += size
            one.take_write()
            if one.state == websocket.OPEN and not chance.randrange(4):
                one.send_text("x")
        one.receive(0)
        events += take_events(one)
        one.take_write()
        self.assertEqual(one.state, websocket.CLOSED)
        self.assertEqual([event[0] in ENDS for event in events], [False] * (len(events) - 1) + [True])

    def test_random_bytes_never_raise(self):
        for seed in range(150):
            random.seed(seed)
            data = bytes([random.getrandbits(8) for _ in range(random.randrange(1200))])
            one = websocket.WebSocket(RECEIVE_BYTES, 512)
            one.start("h", "/", {})

            self.live(one, data, random)
            self.live(opened(), data, random)

    def test_answer_with_random_faults_never_raises(self):
        for seed in range(150):
            random.seed(seed)
            one = websocket.WebSocket(RECEIVE_BYTES, 512)
            answer = answer_to(one.start("h", "/", {}))

            self.live(one, spoiled(answer + packet(TEXT, b"hello"), random), random)

    def test_conversation_with_random_faults_never_raises(self):
        for seed in range(250):
            random.seed(seed)

            self.live(opened(), spoiled(CONVERSATION, random), random)

    def test_conversation_cut_after_every_byte_is_a_hang_up(self):
        one = opened()
        all_events = receive_all(one, CONVERSATION)
        self.assertEqual(all_events[-1], ("closed", 1000, "good night"))
        for size in range(len(CONVERSATION)):
            answer = answer_to(one.start("h", "/", {}))
            events = receive_all(one, answer + CONVERSATION[:size])
            self.assertEqual(events[1:], all_events[: len(events) - 1])

            one.receive(0)

            self.assertEqual(take_events(one), [("closed", 1006, "the gateway hung up")])
            self.assertIsNone(one.take_write())

    def test_conversation_in_pieces_of_any_size_is_the_same(self):
        all_events = receive_all(opened(), CONVERSATION)

        for step in range(1, 40):
            self.assertEqual(receive_all(opened(), CONVERSATION, step), all_events)


class Closing(unittest.TestCase):
    """Either end may close."""

    def test_close_of_the_gateway_is_answered_with_its_code(self):
        one = opened()

        self.assertEqual(receive_all(one, packet(CLOSE, b"\x11\x31because")), [("closed", 4401, "because")])
        self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x11\x31"))
        self.assertIsNone(one.take_write())

    def test_close_without_a_code_is_answered_without_one(self):
        one = opened()

        self.assertEqual(receive_all(one, packet(CLOSE)), [("closed", 1005, "")])
        self.assertEqual(unmasked(one.take_write()), (CLOSE, b""))

    def test_codes_are_those_that_may_be_sent(self):
        for code in (1000, 1003, 1007, 1011, 1012, 1014, 3000, 4401, 4999):
            self.assertEqual(receive_all(opened(), packet(CLOSE, code.to_bytes(2, "big")))[0][:2], ("closed", code))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
            self.assertEqual(receive_all(opened(), packet(CLOSE, code.to_bytes(2, "big")))[0][:2], ("failed", 1002))

    def test_odd_close_packets_fail(self):
        self.assertEqual(receive_all(opened(), packet(CLOSE, b"\x03"))[0][:2], ("failed", 1002))
        self.assertEqual(receive_all(opened(), packet(CLOSE, b"\x03\xe8\xff"))[0][:2], ("failed", 1007))

    def test_close_of_ours_waits_for_the_gateways(self):
        one = opened()

        self.assertEqual(unmasked(one.send_close()), (CLOSE, b"\x03\xe8"))
        events = receive_all(one, packet(TEXT, b"still talking") + packet(CLOSE, b"\x03\xe8"))

        self.assertEqual(events, [("text", "still talking"), ("closed", 1000, "")])
        self.assertIsNone(one.take_write())

    def test_nothing_is_sent_after_the_close(self):
        one = opened()
        one.send_close()

        with self.assertRaises(websocket.NotOpen):
            one.send_text("too late")
        receive_all(one, packet(PING, b"x"))
        self.assertIsNone(one.take_write())

    def test_nothing_is_received_after_the_close(self):
        self.assertEqual(len(receive_all(opened(), packet(CLOSE, b"\x03\xe8") + packet(TEXT, b"late"))), 1)

    def test_reason_may_fill_the_packet(self):
        reason = "ü" * 61 + "x"

        self.assertEqual(
            receive_all(opened(), packet(CLOSE, b"\x0f\xa0" + reason.encode())), [("closed", 4000, reason)]
        )

    def test_close_between_fragments_is_received(self):
        for size in (4, RECEIVE_BYTES):
            self.assertEqual(
                receive_all(opened(), packet(TEXT, b"x" * size, False) + packet(CLOSE)), [("closed", 1005, "")]
            )

    def test_closes_that_cross_are_not_answered(self):
        one = opened()
        one.send_close(1001)

        self.assertEqual(receive_all(one, packet(CLOSE, b"\x03\xe8")), [("closed", 1000, "")])
        self.assertIsNone(one.take_write())

    def test_close_is_owed_even_when_the_gateway_has_hung_up(self):
        one = opened()
        receive_all(one, packet(CLOSE, b"\x03\xe8"))

        one.receive(0)

        self.assertIsNone(one.take_event())
        self.assertEqual(unmasked(one.take_write()), (CLOSE, b"\x03\xe8"))

    def test_hang_up_is_reported_once(self):
        one = opened()

        one.receive(0)

        self.assertEqual(one.take_event(), ("closed", 1006, "the gateway hung up"))
        self.assertIsNone(one.take_event())
        self.assertIsNone(one.take_write())

    def test_next_connection_starts_clean(self):
        one = opened()
        receive_all(one, packet(TEXT, b"half", False) + packet(PING, b"old") + b"\x81")

        answer = answer_to(one.start("h", "/", {}))

        self.assertEqual(receive_all(one, answer + packet(TEXT, b"new")), [("opened",), ("text", "new")])
        self.assertIsNone(one.take_write())
