"""A stub of `machine`: pins, PWM, ADC, clock, timers, watchdog and resets of a virtual board.

Buses and what is rarely used is in modules of its own, which are loaded when a program uses them.
"""

import binascii
import io
import time

from _host import SETUP as _setup
from _host import ask, load
from _pins import Pin, Signal  # noqa: F401 (programs have it from here)

_IS_PICO = _setup["kind"] == "pico"
# Which board is simulated, for `identify`: sys.implementation cannot be changed.
VIRTUAL = {
    "kind": _setup["kind"],
    "machine": "Virtual Pico W" if _IS_PICO else "Virtual ESP32-CAM",
    "version": _setup["version"],
}

if _IS_PICO:
    PWRON_RESET, WDT_RESET = 1, 3
    _CAUSES = {"power_on": PWRON_RESET, "power_cut": PWRON_RESET}
    # A Pico cannot tell its watchdog from machine.reset().
    _OTHER = WDT_RESET
else:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    _CAUSES = {
        "power_on": PWRON_RESET,
        "power_cut": PWRON_RESET,
        "watchdog": WDT_RESET,
        "deepsleep": DEEPSLEEP_RESET,
        "soft_reset": SOFT_RESET,
    }
    _OTHER = HARD_RESET
_WATCHDOG_MS_MAX = 8388 if _IS_PICO else 0x7FFFFFFF
_WATCHDOG_MS_LEAST = 1 if _IS_PICO else 1000


def unique_id():
    """Returns the number of this board."""
    return binascii.unhexlify(_setup["unique_id"])


def reset_cause():
    """Returns why the board started, by the numbers of this port."""
    return _CAUSES.get(_setup["reset_cause"], _OTHER)


def reset():
    """Restarts the board."""
    ask("reset")


def soft_reset():
    """Restarts the interpreter."""
    ask("reset", is_soft=True)


def freq(hz=None):
    """Returns the clock of the processor."""
    return 125000000 if _IS_PICO else 240000000


def idle():
    """Waits for a moment."""
    time.sleep_ms(1)


def lightsleep(time_ms=None):
    """Waits, without end if no time is given."""
    while time_ms is None:
        time.sleep(1)
    time.sleep_ms(time_ms)


def deepsleep(time_ms=None):
    """Waits, and restarts the board."""
    lightsleep(time_ms)
    ask("reset", is_asleep=True)


def disable_irq():
    """Has the functions of timers and pins wait; returns what `enable_irq` takes."""
    import _interrupts

    was_held, _interrupts.is_held = _interrupts.is_held, True
    return 1 if was_held else 0


def enable_irq(state=0):
    """Has them called again, if they were before: the state is that of a Pico's processor, 1 while they wait."""
    import _interrupts

    _interrupts.is_held = bool(state)


def time_pulse_us(pin, pulse_level, timeout_us=1000000):
    """Returns the length of a pulse in microseconds, or -2 or -1."""
    return load("_lines").time_pulse_us(pin, pulse_level, timeout_us)


def bitstream(*words):
    """Sends bits as pulses."""
    load("_lines").bitstream(*words)


def dht_readinto(*words):
    """Fills a buffer with the five bytes of a DHT sensor."""
    load("_lines").dht_readinto(*words)


# As each port has them.
_FIRST_BITS = (1, 0) if _IS_PICO else (0, 1)


class _Loaded:
    """What is in a module of its own: `_inner` is the real one."""

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __repr__(self):
        return repr(self._inner)


class I2C(_Loaded):
    """A bus of the chip."""

    def __init__(self, *words, **settings):
        self._inner = load("_i2c").I2C(*words, **settings)


class SoftI2C(_Loaded):
    """A bus that software makes."""

    def __init__(self, *words, **settings):
        self._inner = load("_i2c").SoftI2C(*words, **settings)


class SPI(_Loaded):
    """A bus of the chip."""

    MSB, LSB = _FIRST_BITS

    def __init__(self, *words, **settings):
        self._inner = load("_spi").SPI(*words, **settings)


class SoftSPI(_Loaded):
    """A bus that software makes."""

    MSB, LSB = _FIRST_BITS

    def __init__(self, *words, **settings):
        self._inner = load("_spi").SoftSPI(*words, **settings)


class UART(io.IOBase, _Loaded):
    """A serial line; the first base makes it a stream for `select` and asyncio."""

    if _IS_PICO:
        INV_TX, INV_RX, CTS, RTS = 1, 2, 1, 2
        IRQ_BREAK, IRQ_RXIDLE, IRQ_TXIDLE = 0x200, 0x40, 0x20
    else:
        INV_TX, INV_RX, CTS, RTS = 32, 4, 2, 1
        IRQ_RX, IRQ_RXIDLE, IRQ_BREAK = 1, 0x1000, 2

    def __init__(self, *words, **settings):
        self._inner = load("_uart").Line(*words, **settings)


class PWM:
    """Pulses on a pin."""

    def __init__(self, pin, freq=None, duty_u16=None, duty_ns=None):
        self._id = pin.id if isinstance(pin, Pin) else pin
        self._is = {"mode": "pwm", "freq_hz": 0, "duty_u16": 0, "duty_ns": 0}
        self.init(freq, duty_u16, duty_ns)

    def init(self, freq=None, duty_u16=None, duty_ns=None):
        """Sets the given values."""
        for name, value in (("freq_hz", freq), ("duty_u16", duty_u16), ("duty_ns", duty_ns)):
            if value is not None:
                self._set(name, value)

    def _set(self, name, value):
        self._is[name] = value
        ask("pin", id=self._id, **{"is": self._is})

    def freq(self, hz=None):
        """Sets the pulses per second, or returns them."""
        return self._is["freq_hz"] if hz is None else self._set("freq_hz", hz)

    def duty_u16(self, part=None):
        """Sets the part of the time that is high, or returns it."""
        return self._is["duty_u16"] if part is None else self._set("duty_u16", part)

    def duty_ns(self, width_ns=None):
        """Sets the length of a pulse, or returns it."""
        return self._is["duty_ns"] if width_ns is None else self._set("duty_ns", width_ns)

    def deinit(self):
        """Ends the pulses."""
        self._set("duty_ns", 0)


class ADC:
    """A channel of the converter; the hardware's state has its value."""

    if _IS_PICO:
        CORE_TEMP = 4
    else:
        ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
        WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    def __init__(self, channel, **settings):
        self._channel = channel.id if isinstance(channel, Pin) else channel

    def read_u16(self):
        """Returns the value."""
        return ask("read_adc", channel=self._channel)["u16"]

    if not _IS_PICO:

        def read(self):
            """Returns the value with 12 bits."""
            return self.read_u16() >> 4

        def read_uv(self):
            """Returns microvolts."""
            return self.read_u16() * 3300000 // 65535

        def atten(self, attenuation=None):
            """Accepts the range."""

        def width(self, bits=None):
            """Accepts the number of bits."""


class RTC:
    """The clock: setting it is recorded, the time stays the computer's."""

    def datetime(self, fields=None):
        """Sets the clock."""
        if fields is not None:
            ask("set_clock", fields=fields)


class Timer:
    """Calls a function after some time, or again and again, also while code blocks."""

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, **settings):
        self._is_on = False
        if settings:
            self.init(**settings)

    def init(self, mode=PERIODIC, freq=None, period=-1, callback=None):
        """Starts it; `freq` in Hz replaces `period` in ms."""
        import _interrupts

        self.deinit()
        self._is_once = mode == self.ONE_SHOT
        self._period_ms = period if freq is None else int(1000 / freq)
        self._callback = callback
        self._due_ms = time.ticks_add(time.ticks_ms(), self._period_ms)
        self._is_on = True
        _interrupts.add(self)

    def deinit(self):
        """Stops it."""
        import _interrupts

        if self._is_on:
            self._is_on = False
            _interrupts.remove(self)

    def turn(self, now_ms):
        """Calls the function if it is due."""
        if self._is_on and time.ticks_diff(now_ms, self._due_ms) >= 0:
            self._due_ms = time.ticks_add(now_ms, self._period_ms)
            if self._is_once:
                self.deinit()
            self._callback(self)


class WDT:
    """A watchdog that resets the board; it cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        if not _WATCHDOG_MS_LEAST <= timeout <= _WATCHDOG_MS_MAX:
            raise ValueError("timeout exceeds %d" % _WATCHDOG_MS_MAX)
        ask("start_watchdog", timeout_ms=timeout)

    def feed(self):
        """Starts its time again."""
        ask("feed")
