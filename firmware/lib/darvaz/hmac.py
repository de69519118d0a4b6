"""HMAC-SHA256 (RFC 2104) in hexadecimal digits, which MicroPython's hashlib lacks."""

import binascii
import hashlib

_BLOCK_BYTES = 64


def digest(key, message):
    """Returns the code of a message by a key of at most 64 bytes."""
    key = key + bytes(_BLOCK_BYTES - len(key))
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    inner.update(message)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
    outer.update(inner.digest())
    return binascii.hexlify(outer.digest()).decode()
