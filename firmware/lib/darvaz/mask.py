"""Masks what a device sends (RFC 6455 section 5.3): in place, as fast as the port allows."""

import os

try:
    import uctypes
except ImportError:
    uctypes = None

# It fails on CPython, on a port without viper, and on a file compiled for another processor.
try:
    from .mask_viper import xor_bytes, xor_words
except (ImportError, SyntaxError, ValueError):
    xor_bytes = xor_words = None

KEY_BYTES = 4
IS_FAST = xor_words is not None and uctypes is not None


def new_key():
    """Returns four unpredictable bytes in a new buffer."""
    # A bytearray starts on a whole word, bytes may not.
    return bytearray(os.urandom(KEY_BYTES))


def mask(data, key):
    """XORs a bytearray or a memoryview of bytes, signed or not, in place with a key of `new_key`."""
    if len(key) != KEY_BYTES:
        raise ValueError("a masking key has four bytes")
    if not len(data):
        return
    # Raises TypeError for a read-only buffer: the machine code would write into it.
    data[0] = data[0]
    if not IS_FAST:
        from .mask_plain import mask_plainly

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
