"""What is typed for code on a board: Ctrl-C overtakes it, unless the code reads Ctrl-C as any byte."""

import binascii
import sys
import unittest

import micropython

from firmware.lib.darvaz.terminal import INPUT_BYTES_MAX, Stream, keyboard

INTERRUPT = {"type": "prompt", "id": 1, "step": "interrupt"}


class Link:
    """The link of a device, with what was written to it; also its session, WebSocket, connection and socket."""

    end_reason = None

    def __init__(self):
        self.link = self._session = self._websocket = self._connection = self._sock = self
        self.writes, self.written = [], []

    def take_write(self):
        """Returns what answers the gateway's own packets: nothing."""

    def send_text(self, text):
        """Returns a packet."""
        return text

    def write(self, view):
        """Writes a packet."""
        self.written.append(bytes(view))
        return len(view)

    def _call(self, function, view):
        return function(view)


class Terminal(unittest.TestCase):
    """The terminal of one code, 7."""

    def setUp(self):
        self.link = Link()
        self.stream = Stream(self.link, 7)

    def put(self, data):
        """Types some bytes."""
        for at in range(0, len(data), 768):
            piece = binascii.b2a_base64(data[at : at + 768]).decode()
            self.assertTrue(self.stream.type({"type": "prompt", "id": 1, "step": "input", "data": piece}))

    def read(self, count):
        """Returns as many bytes as the code takes."""
        data, byte = b"", bytearray(1)
        for _ in range(count):
            self.assertEqual(self.stream.readinto(byte), 1)
            data += byte
        return data

    def sent(self):
        """Returns what the gateway gets now."""
        self.stream._flush(self.link)
        written, self.link.written = self.link.written, []
        return b"".join(written)

    def test_ctrl_c_overtakes_what_was_typed_wherever_it_is(self):
        for before in (0, 1, 64, 65, 767, 768, INPUT_BYTES_MAX - 1, INPUT_BYTES_MAX):
            self.setUp()
            self.put(b"x" * before + b"\x03after")

            self.assertEqual(self.read(6), b"\x03after")

    def test_one_byte_beyond_is_dropped(self):
        self.put(b"x" * INPUT_BYTES_MAX)
        self.put(b"y")

        self.assertEqual(self.read(INPUT_BYTES_MAX), b"x" * INPUT_BYTES_MAX)
        # Nothing comes from the network.
        self.link.end_reason = "closed"
        self.assertFalse(self.stream.ioctl(3, 1))

    def test_ctrl_c_of_a_mounted_folder_is_a_byte(self):
        sys.modules["micropython"] = keyboard
        try:
            exec("import micropython\nmicropython.kbd_intr(-1)\nmicropython.mem_info", {})
            self.put(b"a\x03b")
            self.stream.type(INTERRUPT)
            as_byte = self.sent()
            exec("from micropython import const, kbd_intr\nkbd_intr(3)", {})
            self.stream.type(INTERRUPT)
        finally:
            sys.modules["micropython"] = micropython

        more = b'{"type":"prompt_output","id":7,"state":"more","taken_bytes":%s}'
        self.assertEqual(as_byte, more % b'0,"interrupted":false')
        self.assertEqual(self.sent(), more % b'3,"interrupted":true')
        self.assertEqual(self.read(1), b"\x03")

    def test_what_was_taken_is_told_after_a_third(self):
        self.put(b"x" * 2000)
        self.read(1023)

        self.assertEqual(self.sent(), b"")
        self.read(1)
        self.assertEqual(self.sent(), b'{"type":"prompt_output","id":7,"state":"more","taken_bytes":1024}')
        self.assertEqual(self.sent(), b"")

    def test_other_steps_are_left_alone(self):
        self.assertFalse(self.stream.type({"type": "prompt", "id": 1, "step": "close"}))
