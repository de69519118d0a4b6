"""Pulses, bit streams and DHT sensors at the pins of a virtual board, as a test gives and reads them."""

import errno
import time

from _host import ask, exchange

_NEVER_BEGAN, _NEVER_ENDED = -2, -1


def time_pulse_us(pin, pulse_level, timeout_us=1000000):
    """Returns the length of a pulse in microseconds, or -2 or -1 as the ports do if none began or ended."""
    us = ask("pulse", id=pin.id, level=pulse_level)["us"]
    if us is not None and us <= timeout_us:
        time.sleep_us(us)
        return us
    time.sleep_us(timeout_us)
    return _NEVER_BEGAN if us is None else _NEVER_ENDED


def bitstream(pin, encoding, timing, data, bytes_a_pixel=3):
    """Sends bits as pulses; the length of a pixel is only for those who look at them."""
    if encoding != 0:
        raise ValueError("encoding")
    exchange("bitstream", bytes(data), id=pin.id, bytes_a_pixel=bytes_a_pixel)


def dht_readinto(pin, buf, model=22):
    """Fills a buffer with the five bytes of a DHT sensor; without one it times out."""
    reply, data = exchange("read_dht", id=pin.id, model=model)
    if "is_missing" in reply:
        raise OSError(errno.ETIMEDOUT)
    if "errno" in reply:
        raise OSError(reply["errno"])
    buf[:] = data
