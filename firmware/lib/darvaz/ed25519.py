"""Verifies Ed25519 signatures (RFC 8032), which MicroPython lacks. Loaded while one is verified.

About a second on an RP2040, once for each update. Nothing here is secret, so nothing takes constant time.
"""

import gc

_P = (1 << 255) - 19
_ORDER = (1 << 252) + 27742317777372353535851937790883648493
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
_WORD = (1 << 64) - 1
_PRIMES_MAX = 410
# Garbage is collected less often meanwhile: each number is an allocation.
_COLLECT_BYTES = 32768


def verify(public, message, signature):
    """Returns whether a signature of 64 bytes is that of a message by a public key of 32 bytes."""
    threshold = gc.threshold() if hasattr(gc, "threshold") else None
    if threshold is not None:
        gc.threshold(_COLLECT_BYTES)
    try:
        return _verify(public, message, signature)
    finally:
        if threshold is not None:
            gc.threshold(threshold)
        gc.collect()


def _verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key = _point(public)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= _ORDER:
        return False
    h = int.from_bytes(sha512(signature[:32] + public + message), "little") % _ORDER
    # R is s B - h A (section 5.1.7), both products in one walk over their bits.
    x, y = _P - key[0], key[1]
    minus_key = (x, y, 1, x * y % _P)
    base = (_BASE[0], _BASE[1], 1, _BASE[0] * _BASE[1] % _P)
    both = _add(base, minus_key)
    point = (0, 1, 1, 0)
    for at in range(252, -1, -1):
        point = _add(point, point)
        which = (s >> at & 1) + 2 * (h >> at & 1)
        if which:
            point = _add(point, (base, minus_key, both)[which - 1])
    inverse = _power(point[2], _P - 2)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def _point(data):
    """Returns the point that 32 bytes stand for (section 5.1.3), or None."""
    y = int.from_bytes(data, "little")
    is_odd, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * _power(_D * y * y + 1, _P - 2) % _P
    x = _power(square, (_P + 3) // 8)
    if x * x % _P != square:
        x = x * _power(2, (_P - 1) // 4) % _P
    if x * x % _P != square or (x == 0 and is_odd):
        return None
    return (_P - x if x & 1 != is_odd else x), y


def _add(one, other):
    """Returns the sum of two points in extended coordinates (section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _power(number, exponent):
    number %= _P
    result = 1
    for at in range(254, -1, -1):
        result = result * result % _P
        if exponent >> at & 1:
            result = result * number % _P
    return result


def sha512(data):
    """Returns the SHA-512 of bytes (FIPS 180-4 section 6.4), which MicroPython's hashlib lacks."""
    primes = [number for number in range(2, _PRIMES_MAX) if all(number % below for below in range(2, number))]
    constants = [_root(prime << 192, 3) & _WORD for prime in primes]
    state = [_root(prime << 128, 2) & _WORD for prime in primes[:8]]
    size = len(data)
    data = data + b"\x80" + bytes(-(size + 17) % 128) + (8 * size).to_bytes(16, "big")
    for start in range(0, len(data), 128):
        words = [int.from_bytes(data[at : at + 8], "big") for at in range(start, start + 128, 8)]
        a, b, c, d, e, f, g, h = state
        for number in range(80):
            if number >= 16:
                x, y = words[1], words[14]
                x = _turn(x, 1) ^ _turn(x, 8) ^ x >> 7
                y = _turn(y, 19) ^ _turn(y, 61) ^ y >> 6
                words.append((words[0] + x + words[9] + y) & _WORD)
                words.pop(0)
            word = words[min(number, 15)]
            x = h + (_turn(e, 14) ^ _turn(e, 18) ^ _turn(e, 41)) + (e & f ^ ~e & g) + constants[number] + word
            y = (_turn(a, 28) ^ _turn(a, 34) ^ _turn(a, 39)) + (a & b ^ a & c ^ b & c)
            a, b, c, d, e, f, g, h = (x + y) & _WORD, a, b, c, (d + x) & _WORD, e, f, g
        state = [(old + new) & _WORD for old, new in zip(state, (a, b, c, d, e, f, g, h))]
    return b"".join([word.to_bytes(8, "big") for word in state])


def _turn(word, count):
    return (word >> count | word << 64 - count) & _WORD


def _root(number, degree):
    """Returns the whole part of a root, by Newton's method from above."""
    root = 1 << 72 if degree == 2 else 1 << 68
    while True:
        closer = ((degree - 1) * root + number // root ** (degree - 1)) // degree
        if closer >= root:
            return root
        root = closer
