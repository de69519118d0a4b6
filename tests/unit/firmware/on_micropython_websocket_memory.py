"""What the WebSocket takes of the heap: a board's is small, and what is allocated in a loop breaks it into pieces.

Only MicroPython counts its heap, so pytest does not collect this file; test_on_micropython.py runs it there.
"""

import gc
import unittest

from firmware.lib.darvaz import session, websocket
from tests.support.on_board.gateway_end import PING, RECEIVE_BYTES, TEXT, answer_to, opened, packet, receive_all

ROUNDS = 20
FRAME_BYTES = 25000
PING_TEXT = packet(TEXT, b'{"type":"ping","time":1790000000}')
PONG = {"type": "pong", "uptime_s": 61, "heap_free_bytes": 81000, "rssi_dbm": -61}


def allocated(function):
    """Returns the bytes that a call allocates, garbage too: the mean of some rounds after a first one."""
    function()
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        for _ in range(ROUNDS):
            function()
        return (gc.mem_alloc() - before) // ROUNDS
    finally:
        gc.enable()


def put(one, data):
    """Writes bytes where the socket would."""
    one.input_space()[: len(data)] = data
    one.receive(len(data))


class Allocations(unittest.TestCase):
    """The garbage of one step of the conversation has a limit."""

    def setUp(self):
        self.one = opened()

    def test_counting_notices_an_allocation(self):
        self.assertGreaterEqual(allocated(lambda: bytearray(1000)), 1000)

    def test_ping_is_received_and_answered_with_little_garbage(self):
        def round_trip():
            put(self.one, PING_TEXT)
            message = session.parse(self.one.take_event()[1])
            assert message["type"] == "ping"
            self.one.send_text(session.dump(PONG))

        self.assertLessEqual(allocated(round_trip), 1600)

    def test_text_is_received_with_little_garbage_beside_itself(self):
        data = packet(TEXT, b"x" * 1000)

        def receive():
            put(self.one, data)
            assert len(self.one.take_event()[1]) == 1000

        self.assertLessEqual(allocated(receive), 1000 + 320)

    def test_ping_packet_is_answered_with_little_garbage(self):
        data = packet(PING, b"12345678")

        def answer():
            put(self.one, data)
            assert self.one.take_event() is None
            self.one.take_write()

        self.assertLessEqual(allocated(answer), 512)

    def test_frame_is_sent_without_a_copy(self):
        frame = bytearray(FRAME_BYTES)

        self.assertLessEqual(allocated(lambda: self.one.send_frame(frame)), 512)

    def test_text_in_a_buffer_is_sent_without_a_copy(self):
        text = bytearray(500)

        self.assertLessEqual(allocated(lambda: self.one.send_text(text)), 256)

    def test_partial_reads_make_little_garbage(self):
        def receive():
            for at in range(0, len(PING_TEXT), 5):
                put(self.one, PING_TEXT[at : at + 5])
                self.one.take_event()

        self.assertLessEqual(allocated(receive), 200 * (len(PING_TEXT) // 5 + 1))


class Reconnecting(unittest.TestCase):
    """The buffers are made once."""

    def test_reconnect_keeps_nothing_of_the_last_connection(self):
        one = opened()

        def reconnect():
            receive_all(one, answer_to(one.start("gateway", "/ws/pico", {})) + PING_TEXT + b"\x01\x05half")
            one.receive(0)
            one.take_event()

        reconnect()
        gc.collect()
        before = gc.mem_alloc()
        for _ in range(50):
            reconnect()
        gc.collect()

        self.assertLessEqual(gc.mem_alloc(), before + 64)

    def test_websocket_takes_little_beside_its_buffers(self):
        gc.collect()
        before = gc.mem_alloc()
        one = websocket.WebSocket(RECEIVE_BYTES, 512)
        gc.collect()

        self.assertLessEqual(gc.mem_alloc() - before, RECEIVE_BYTES + 512 + 1024)
        self.assertEqual(one.state, websocket.CLOSED)
