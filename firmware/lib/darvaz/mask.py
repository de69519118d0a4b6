"""Masking of what a device sends (RFC 6455 section 5.3): in place, as fast as the port allows."""

import os

try:
    import uctypes
except ImportError:
    uctypes = None

# No viper: another interpreter, a port without it, or compiled for another processor.
try:
    from .mask_viper import xor_bytes, xor_words
except (ImportError, SyntaxError, ValueError):
    xor_bytes = xor_words = None

KEY_BYTES = 4
IS_FAST = xor_words is not None and uctypes is not None


def new_key():
    """Returns four bytes that nobody can foresee, in a buffer of their own."""
    # A bytearray starts on a word, which bytes need not do.
    return bytearray(os.urandom(KEY_BYTES))


def mask(data, key):
    """XORs a bytearray or a memoryview of bytes, signed or not, in place with a key of `new_key`."""
    if len(key) != KEY_BYTES:
        raise ValueError("a masking key has four bytes")
    if not len(data):
        return
    # Compiled code would write into bytes, too: this raises TypeError for what is not writable.
    data[0] = data[0]
    if not IS_FAST:
        mask_plainly(data, key)
        return
    words = whole_words(uctypes.addressof(data), len(data))
    if words:
        xor_words(data, key, words)
    xor_bytes(data, key, words * 4, len(data))


def whole_words(address, size_bytes):
    """Returns how many leading words may be masked at once: none where they straddle.

    A Cortex-M0+ stops with a hard fault at a word that does not stand on a multiple of four.
    """
    return 0 if address & 3 else size_bytes >> 2


def mask_plainly(data, key):
    """Does what `mask` does, slowly and anywhere, without allocating for the data."""
    data = _unsigned(data)
    k0, k1, k2, k3 = key
    size = len(data)
    for i in range(0, size & ~3, 4):
        data[i] ^= k0
        data[i + 1] ^= k1
        data[i + 2] ^= k2
        data[i + 3] ^= k3
    for i in range(size & ~3, size):
        data[i] ^= key[i & 3]


def _unsigned(data):
    # A camera's buffer is a memoryview of signed bytes: the same memory, read as 0..255.
    if uctypes is not None:
        return uctypes.bytearray_at(uctypes.addressof(data), len(data))
    return memoryview(data).cast("B")
