"""Masks in Python, where a port has no viper: slowly, and without a copy of the data."""

try:
    import uctypes
except ImportError:
    uctypes = None


def mask_plainly(data, key):
    """Does what `mask` does on every port, slowly, without a copy of the data."""
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
    # The camera driver's memoryview has signed bytes: this is the same memory, read as 0..255.
    if uctypes is not None:
        return uctypes.bytearray_at(uctypes.addressof(data), len(data))
    return memoryview(data).cast("B")
