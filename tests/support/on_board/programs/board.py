"""A board without hardware, for tests that are about the library."""

import sys

KIND = "pico"
NAME = "Board of the tests"
WIFI_POWER_SAVE = None
WATCHDOG_MS_MAX = 8388
clock = []


def unique_id():
    """Returns the same id each time."""
    return "e660583883724a32"


def set_led(on):
    """Has no LED."""


def reset_cause():
    """Returns that the power was turned on."""
    return "power_on"


def reset():
    """Ends the process, as a reset would."""
    print("RESET")
    sys.exit(3)


def set_clock(unix_s):
    """Notes the time."""
    print("CLOCK %d" % unix_s)
    clock[:] = [unix_s]
