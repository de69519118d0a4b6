"""Chains of coloured lights (WS2812) at a pin, as boards have them in their firmware."""

import machine

_TIMINGS_NS = ((800, 1700, 1600, 900), (400, 850, 800, 450))


class NeoPixel:
    """A chain of `n` lights, each with `bpp` colours; `write` sends them."""

    # The place of red, green, blue and white in what is sent.
    ORDER = (1, 0, 2, 3)

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self.buf = bytearray(n * bpp)
        self.timing = _TIMINGS_NS[1 if timing else 0] if isinstance(timing, int) else timing
        pin.init(pin.OUT)

    def __len__(self):
        return self.n

    def __setitem__(self, i, v):
        for colour, value in zip(self.ORDER[: self.bpp], v):  # noqa: B905 (MicroPython has no `strict`)
            self.buf[i * self.bpp + colour] = value

    def __getitem__(self, i):
        light = self.buf[i * self.bpp : (i + 1) * self.bpp]
        return tuple(light[colour] for colour in self.ORDER[: self.bpp])

    def fill(self, v):
        """Gives all lights one colour."""
        for number in range(self.n):
            self[number] = v

    def write(self):
        """Sends the colours."""
        machine.bitstream(self.pin, 0, self.timing, self.buf, self.bpp)
