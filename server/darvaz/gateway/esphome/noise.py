"""Encrypted frames of ESPHome's native API: Noise_NNpsk0_25519_ChaChaPoly_SHA256, the node's side, without sockets.

The client sends an empty hello and the first message of the handshake; the node answers with its name and MAC, and with
the second message. A refusal is a block that begins with 01 and says why (Noise protocol framework, revision 34, §7.5;
aioesphomeapi's noise helper).
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from noise.connection import NoiseConnection  # type: ignore[import-untyped]
from noise.exceptions import (  # type: ignore[import-untyped]
    NoiseHandshakeError,
    NoiseInvalidMessage,
    NoiseValueError,
)

from darvaz.gateway.esphome.framing import MESSAGE_BYTES_MAX, BlockFraming, FramingError, Received, dump_block

KEY_BYTES = 32
# Home Assistant takes this text for a wrong key and asks for another.
WRONG_KEY = "Handshake MAC failure"
_PROTOCOL = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
_PROLOGUE = b"NoiseAPIInit"
_HELLO_BYTES_MAX = 128
# Type and length before the message, and the tag behind it.
_OVERHEAD_BYTES = 4 + 16


class NoiseFraming:
    """Frames of one connection: a handshake first, then encrypted messages."""

    def __init__(self, key: bytes, name: str, mac: str) -> None:
        self._key = key
        self._hello = b"\x01" + name.encode() + b"\0" + mac.encode() + b"\0"
        self._blocks = BlockFraming()
        # The client's hello, once it came: it is part of what both sides prove.
        self._prologue: bytes | None = None
        self._noise = NoiseConnection.from_name(_PROTOCOL)
        self._is_open = False
        self.answers: list[bytes] = []
        """Frames of the handshake to send; the sender empties the list."""

    @property
    def is_open(self) -> bool:
        """Whether the client has proved that it has the key."""
        return self._is_open

    def receive(self, data: bytes) -> list[Received]:
        """Returns the messages that are complete now; raises `FramingError`."""
        found: list[Received] = []
        for block in self._blocks.receive(data):
            if self._is_open:
                found.append(self._decrypt(block))
            elif self._prologue is None:
                self._take_hello(block)
            else:
                self._shake_hands(block)
        return found

    def dump(self, type_: int, message: bytes) -> bytes:
        """Returns the encrypted frame of a message."""
        if len(message) > MESSAGE_BYTES_MAX - _OVERHEAD_BYTES:
            raise ValueError(f"a message of {len(message)} bytes does not fit into a frame")
        inner = type_.to_bytes(2) + len(message).to_bytes(2) + message
        return dump_block(bytes(self._noise.encrypt(inner)))

    def _take_hello(self, block: bytes) -> None:
        if len(block) > _HELLO_BYTES_MAX:
            raise FramingError("Bad hello")
        self._prologue = _PROLOGUE + len(block).to_bytes(2) + block
        self.answers.append(dump_block(self._hello))

    def _shake_hands(self, block: bytes) -> None:
        noise = self._noise
        noise.set_as_responder()
        noise.set_psks(self._key)
        noise.set_prologue(self._prologue)
        noise.start_handshake()
        try:
            # A first byte that is not 0 is the client's refusal.
            if block[:1] != b"\0":
                raise FramingError("Bad handshake error byte")
            noise.read_message(block[1:])
        except (InvalidTag, NoiseHandshakeError, NoiseInvalidMessage, NoiseValueError, ValueError):
            raise FramingError(WRONG_KEY) from None
        self.answers.append(dump_block(b"\0" + bytes(noise.write_message())))
        self._is_open = True

    def _decrypt(self, block: bytes) -> Received:
        try:
            inner = bytes(self._noise.decrypt(block))
        except (InvalidTag, NoiseInvalidMessage, ValueError):
            raise FramingError("a frame cannot be decrypted") from None
        if len(inner) < 4 or len(inner) - 4 < int.from_bytes(inner[2:4]):
            raise FramingError("a frame is shorter than it says")
        return int.from_bytes(inner[:2]), inner[4 : 4 + int.from_bytes(inner[2:4])]


def refusal(reason: str) -> bytes:
    """Returns the frame that ends an encrypted connection with a reason; clients show it, or act on it."""
    return dump_block(b"\x01" + reason.encode())


def parse_key(text: bytes) -> bytes | None:
    """Returns the key of a `NoiseEncryptionSetKeyRequest`, base64; None if it is not one."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None
