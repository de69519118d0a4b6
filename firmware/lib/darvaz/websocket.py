"""One WebSocket from the device's side (RFC 6455), without I/O: bytes in, events and bytes out.

    request = websocket.start(host, path, headers)      write it
    count = read into websocket.input_space()
    websocket.receive(count)                            0: the peer hung up
    while event := websocket.take_event(): ...          see below
    while packet := websocket.take_write(): ...         pongs and the close that answers a close
    packet = websocket.send_text(text)                  also send_ping, send_close, send_frame

Each packet to write is a view of the one output buffer, good until the next `send_…` or `take_write`.
`take_event` never raises, whatever the peer sent. Events are tuples:

    ("opened",)                                       the handshake is done
    ("refused", status, retry_after_s, body)          the answer had another status than 101
    ("text", text)
    ("binary", view)                                  good until the next call
    ("pong",)
    ("closed", code, reason)                          by the peer; 1005 without code, 1006 hung up
    ("failed", code, reason)                          the peer broke a rule; `take_write` has the close

After "refused", "closed" or "failed": write what `take_write` still has, then close the socket.
"""

import os

from . import unload
from .session import check_size, decode, encode

try:
    import uctypes
except ImportError:
    uctypes = None

# It fails on CPython, on a port without viper, and on a file compiled for another processor.
try:
    from .mask_viper import xor_bytes, xor_words
except (ImportError, SyntaxError, ValueError):
    xor_bytes = xor_words = None

CLOSED = 0
CONNECTING = 1
OPEN = 2
CLOSING = 3

ANSWER_BYTES_MAX = 2048
CONTROL_BYTES_MAX = 125

_TEXT = 1
_BINARY = 2
_CLOSE = 8
_PING = 9
_PONG = 10
# Where the payload starts in the output buffer: aligned to a word, after 2 + 2 bytes of header and the key.
_PAYLOAD_AT = 8
# Of the masking key (RFC 6455 section 5.3).
KEY_BYTES = 4
IS_FAST = xor_words is not None and uctypes is not None


class NotOpen(OSError):
    """Nothing can be sent: before the handshake is done, and after the close packet."""


class WebSocket:
    """One WebSocket after another in the same buffers; make it once, before the first connection.

    `packet_bytes_max` bounds a message from the gateway, `send_bytes_max` a text to it.
    """

    def __init__(self, packet_bytes_max, send_bytes_max):
        assert packet_bytes_max >= ANSWER_BYTES_MAX, "too small for the answer to the handshake"
        assert CONTROL_BYTES_MAX <= send_bytes_max <= 65535, "a packet that has no form"
        self.state = CLOSED
        # The Sec-WebSocket-Key of the request, and the challenge of the answer, or None.
        self.nonce = self.challenge = None
        self.packet_bytes_max = packet_bytes_max
        self.send_bytes_max = send_bytes_max
        # What was received: holds a whole message in fragments and one control packet between them.
        self._in = bytearray(packet_bytes_max + 2 + CONTROL_BYTES_MAX)
        self._view = memoryview(self._in)
        # The packet that is to be written.
        self._out = memoryview(bytearray(_PAYLOAD_AT + send_bytes_max))
        self._reset()

    def _reset(self):
        # Positions in `_in`: 0..kept is the payload of the fragments so far, start..end is not parsed yet.
        self._kept = self._start = self._end = 0
        # The opcode of a message in fragments; 0 between two messages.
        self._opcode = 0
        # Whether the peer has closed the connection.
        self._is_ended = False
        # The payload of a ping that waits for its pong, and the code of a close packet to send; None: none waits.
        self._ping = None
        self._answer = None

    def start(self, host, path, headers):
        """Starts a new connection and returns its request; raises ValueError if a header would inject another."""
        from . import handshake

        request, self.nonce = handshake.make_request(host, path, headers)
        self._reset()
        self.state = CONNECTING
        return request

    # Receiving

    def input_space(self):
        """Returns where the next bytes of the socket go; not empty once `take_event` returned None."""
        if self._start > self._kept:
            size = self._end - self._start
            self._view[self._kept : self._kept + size] = self._view[self._start : self._end]
            self._start = self._kept
            self._end = self._kept + size
        return self._view[self._end :]

    def receive(self, count):
        """Notes how many bytes were put into `input_space()`; 0 means that the peer hung up."""
        if count == 0:
            self._is_ended = True
        elif self.state != CLOSED:
            self._end += count

    def take_event(self):
        """Returns the next event, or None if more must be read first."""
        event = None
        if self.state == CONNECTING:
            event = self._read_answer()
        elif self.state != CLOSED:
            event = self._read_packet()
        if event is None and self._is_ended and self.state != CLOSED:
            event = self._finish("closed", 1006, "the gateway hung up")
        return event

    def _read_answer(self):
        from . import handshake

        event = handshake.read_answer(self._in, self._end, self._is_ended, self.nonce)
        if event is None:
            return None
        unload("handshake")
        if event[0] != "opened":
            self._finish(event[0], event[1], event[2])
            return event
        self.challenge, self._start, self.state = event[1], event[2], OPEN
        return ("opened",)

    def _read_packet(self):
        while self._end - self._start >= 2:
            first, size = self._in[self._start], self._in[self._start + 1]
            at = self._start + 2
            opcode = first & 15
            fault = None
            if first & 0x70 or size & 0x80:
                fault = "a reserved bit, or a mask"
            elif opcode > _PONG or _BINARY < opcode < _CLOSE:
                fault = "an unknown opcode"
            elif opcode >= _CLOSE:
                if first < 0x80 or size > CONTROL_BYTES_MAX:
                    fault = "a long control packet"
            elif (opcode == 0) != (self._opcode != 0):
                fault = "a fragment out of order"
            elif size > 125:
                at += 2 if size == 126 else 8
                if at > self._end:
                    return None
                longer = int.from_bytes(self._view[self._start + 2 : at], "big")
                if longer < (126 if size == 126 else 65536):
                    fault = "an overlong length"
                size = longer
            if fault:
                return self._finish("failed", 1002, fault)
            if opcode < _CLOSE and self._kept + size > self.packet_bytes_max:
                return self._finish("failed", 1009, "a message above %d bytes" % self.packet_bytes_max)
            if at + size > self._end:
                return None
            self._start = at + size
            event = self._on_control(opcode, at, size) if opcode >= _CLOSE else self._on_data(first, at, size)
            if event is not None:
                return event
        return None

    def _on_data(self, first, at, size):
        self._opcode = first & 15 or self._opcode
        if self._kept or first < 0x80:
            self._view[self._kept : self._kept + size] = self._view[at : at + size]
            at = 0
            size += self._kept
            self._kept = size
            if first < 0x80:
                return None
        view = self._view[at : at + size]
        is_binary = self._opcode == _BINARY
        self._opcode = self._kept = 0
        if is_binary:
            return ("binary", view)
        text = decode(view)
        return self._finish("failed", 1007, "a text that is not UTF-8") if text is None else ("text", text)

    def _on_control(self, opcode, at, size):
        if opcode == _PONG:
            return ("pong",)
        if opcode == _PING:
            # A pong may answer only the newest ping (section 5.5.3), so a flood of pings needs no queue.
            self._ping = bytes(self._view[at : at + size])
            return None
        if not size:
            return self._finish("closed", 1005, "")
        code = int.from_bytes(self._view[at : at + 2], "big")
        reason = decode(self._view[at + 2 : at + size])
        # 1004 to 1006 and 1015 are never sent, 1016 to 2999 are reserved (section 7.4).
        if size == 1 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            return self._finish("failed", 1002, "a wrong close code")
        if reason is None:
            return self._finish("failed", 1007, "a text that is not UTF-8")
        return self._finish("closed", code, reason)

    def _finish(self, event, code, reason):
        # A close packet answers the peer's, or a broken rule (section 7.1.7); 1006 means that the connection is gone.
        if self.state == OPEN and code != 1006:
            self._answer = code
        self.state = CLOSED
        self._kept = self._start = self._end = 0
        return (event, code, reason)

    # Sending

    def send_text(self, text):
        """Returns the packet of a text, or of its UTF-8; raises NotOpen, or ValueError if it is too long."""
        return self._dump(_TEXT, encode(text) if isinstance(text, str) else text)

    def send_ping(self):
        """Returns a ping packet."""
        return self._dump(_PING, b"")

    def send_frame(self, frame):
        """Masks a camera's buffer in place and returns the header to write before it; nothing is copied.

        The picture in the buffer is lost: write all of it, then give the buffer back to the camera.
        """
        if self.state != OPEN:
            raise NotOpen("the WebSocket is not open")
        size = len(frame)
        key = new_key()
        mask(frame, key)
        if size < 126:
            return bytes((0x82, 0x80 | size)) + key
        return bytes((0x82, 0xFE if size < 65536 else 0xFF)) + size.to_bytes(2 if size < 65536 else 8, "big") + key

    def send_close(self, code=1000):
        """Returns a close packet; the peer's packets are still read until its own close."""
        packet = self._dump(_CLOSE, code.to_bytes(2, "big"))
        self.state = CLOSING
        return packet

    def take_write(self):
        """Returns the packet that answers the peer, a close or a pong, or None."""
        code, ping = self._answer, self._ping
        self._answer = self._ping = None
        if code is not None:
            return self._dump(_CLOSE, b"" if code == 1005 else code.to_bytes(2, "big"), True)
        return None if ping is None or self.state != OPEN else self._dump(_PONG, ping)

    def _dump(self, opcode, data, is_answer=False):
        # Header, key and payload in one write: two small ones cost 44 ms with Nagle's algorithm (RFC 896).
        if self.state != OPEN and not is_answer:
            raise NotOpen("the WebSocket is not open")
        size, out, key = len(data), self._out, new_key()
        check_size(size, self.send_bytes_max)
        start = 2 if size < 126 else 0
        out[start] = 0x80 | opcode
        out[start + 1] = 0x80 | min(size, 126)
        if not start:
            out[2] = size >> 8
            out[3] = size & 255
        out[4:_PAYLOAD_AT] = key
        out[_PAYLOAD_AT : _PAYLOAD_AT + size] = data
        mask(out[_PAYLOAD_AT : _PAYLOAD_AT + size], key)
        return out[start : _PAYLOAD_AT + size]


def new_key():
    """Returns four unpredictable bytes in a new buffer."""
    # A bytearray starts on a whole word, bytes may not.
    return bytearray(os.urandom(KEY_BYTES))


def mask(data, key):
    """XORs a bytearray or a memoryview of bytes, signed or not, in place with a key of `new_key`."""
    assert len(key) == KEY_BYTES, "a masking key has four bytes"
    if not len(data):
        return
    # Raises TypeError for a read-only buffer: the machine code would write into it.
    data[0] = data[0]
    if not IS_FAST:
        mask_plainly(data, key)
        return
    words = whole_words(uctypes.addressof(data), len(data))
    if words:
        xor_words(data, key, words)
    xor_bytes(data, key, words * 4, len(data))


def whole_words(address, size_bytes):
    """Returns how many leading words may be masked at once: none if they are not aligned.

    The Cortex-M0+ of the RP2040 faults on an unaligned word (ARMv6-M Architecture Reference Manual, A3.2).
    """
    return 0 if address & 3 else size_bytes >> 2


def mask_plainly(data, key):
    """Does what `mask` does on every port, slowly, without a copy of the data."""
    # The camera driver's memoryview has signed bytes: this is the same memory, read as 0..255.
    if uctypes is not None:
        data = uctypes.bytearray_at(uctypes.addressof(data), len(data))
    else:
        data = memoryview(data).cast("B")
    for i in range(len(data)):
        data[i] ^= key[i & 3]
