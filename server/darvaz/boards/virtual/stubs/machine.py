"""A stub of `machine`: pins, PWM, ADC, clock, timers, watchdog and resets of a virtual board."""

import binascii
import time

from _host import ask

_setup = ask("setup")
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
    _CAUSES = {"power_on": PWRON_RESET, "power_cut": PWRON_RESET, "watchdog": WDT_RESET, "soft_reset": SOFT_RESET}
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


class Pin:
    """A pin by number or name; the hardware's state has the levels of inputs."""

    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_FALLING, IRQ_RISING = 4, 8

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self._mode = self.IN if mode == -1 else mode
        self._value = 0
        ask("pin", id=id, **{"is": {"mode": "out" if self._mode else "in"}})
        if value is not None:
            self.value(value)

    def value(self, level=None):
        """Sets the level, or returns it."""
        if level is None:
            return self._value if self._mode else ask("read_pin", id=self.id)["value"]
        self._value = 1 if level else 0
        ask("pin", id=self.id, **{"is": {"value": self._value}})

    __call__ = value

    def on(self):
        """Sets the level high."""
        self.value(1)

    def off(self):
        """Sets the level low."""
        self.value(0)

    def toggle(self):
        """Changes the level."""
        self.value(1 - self._value)


class PWM:
    """Pulses on a pin."""

    def __init__(self, pin, freq=None, duty_u16=None, duty_ns=None):
        self._id = pin.id
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

    CORE_TEMP = 4

    def __init__(self, channel):
        self._channel = channel.id if isinstance(channel, Pin) else channel

    def read_u16(self):
        """Returns the value."""
        return ask("read_adc", channel=self._channel)["u16"]


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
