"""A stub of `machine`: records what a board's programs do to the hardware."""

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = range(1, 6)

# The level of each pin, the pulses of each pin in order, the reading of each channel, the time the clock was set to.
levels = {}
pulses_ns = {}
readings_u16 = {4: 14020}
clock = []
# Why the board started; one more could be any of the above.
causes = [PWRON_RESET]


def reset_cause():
    """Returns the newest cause."""
    return causes[-1]


def unique_id():
    """Returns a number as short as an ESP32's."""
    return b"\x24\x6f\x28\x00\x0a\xbc"


class Pin:
    """Records its level by number or name."""

    OUT = 1

    def __init__(self, name, mode=None, value=0):
        self.name = name
        levels[name] = value

    def value(self, level):
        """Sets the level."""
        levels[self.name] = level


class PWM:
    """Records its pulses."""

    def __init__(self, pin):
        self._pulses = pulses_ns[pin.name] = []

    def freq(self, hz):
        """Takes the frequency of a servo, and no other."""
        if hz != 50:
            raise ValueError("a servo wants 50 pulses a second")

    def duty_ns(self, width_ns):
        """Sets the width of the pulses."""
        self._pulses.append(width_ns)


class ADC:
    """Reads what the test set."""

    def __init__(self, channel):
        self._channel = channel

    def read_u16(self):
        """Returns the reading."""
        return readings_u16[self._channel]


class RTC:
    """Records what it was set to."""

    def datetime(self, fields):
        """Sets the clock."""
        clock.append(fields)


class WDT:
    """Records its time-out."""

    def __init__(self, timeout):
        self.timeout = timeout
