"""The Pico W as a board: its LED, thermometer, clock, watchdog and resets. A Pico 2 W is driven the same way."""

import binascii
import sys
import time

import machine

_MACHINE = getattr(sys.implementation, "_machine", "")

KIND = "pico"
# The build knows which Pico it is for; the virtual board does not.
NAME = _MACHINE if _MACHINE.startswith("Raspberry Pi") else "Raspberry Pi Pico W"

# No power saving: with it, the link of a quiet board dies within minutes while Wi-Fi still looks good. The value is
# from Raspberry Pi's "Connecting to the Internet with Raspberry Pi Pico W"; unlike WLAN.PM_NONE every build takes it.
# cyw43_pm_value() of the chip's driver packs it: the last digit is the mode (0: none; the default is 2); the digits
# before it, unused in this mode, are 200 ms awake (0x14) and the listen intervals 1, 1 and 10.
WIFI_POWER_SAVE = 0xA11140

# RP2040: 24 bits of microseconds, decremented twice per tick (datasheet, erratum RP2040-E1). A Pico 2 W allows twice
# as much.
WATCHDOG_MS_MAX = 8388

# machine.reset() also resets the chip by its watchdog, so the two cannot be told apart.
_CAUSES = {machine.PWRON_RESET: "power_on", machine.WDT_RESET: "reset_or_watchdog"}

# Before 2020 the gateway's own clock is wrong; above 31 bits of seconds older builds overflow.
# Days of 1970: a number of seconds this large would take heap of its own.
_EARLIEST_DAY = 18262
_LATEST_DAY = 24854
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0

_led = machine.Pin("LED", machine.Pin.OUT)
# The fifth input of the converter is inside the chip (RP2040 datasheet 4.9.5, RP2350 datasheet 12.4.6).
_thermometer = machine.ADC(4)


def unique_id():
    """Returns the number of the flash chip, 16 hexadecimal digits."""
    return binascii.hexlify(machine.unique_id()).decode()


def set_led(on):
    """Turns the status LED on or off."""
    _led.value(1 if on else 0)


def temperature_c():
    """Returns the temperature of the chip, above that of the air; 1 % error of the 3.3 V supply is 4 °C of error."""
    volts = _thermometer.read_u16() * 3.3 / 65535
    # The datasheets' formula: 0.706 V at 27 °C, and 1.721 mV less for each degree.
    return round(27 - (volts - 0.706) / 0.001721, 1)


def reset_cause():
    """Returns why the board last started, in one word."""
    return _CAUSES.get(machine.reset_cause(), "unknown")


def reset():
    """Starts the board again; does not return."""
    machine.reset()


def set_clock(unix_s):
    """Sets the clock (UTC) and returns whether it did; an impossible time is not set."""
    if not _EARLIEST_DAY <= unix_s // 86400 <= _LATEST_DAY:
        return False
    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - _EPOCH_S)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
    return True


def is_held(pin):
    """Whether a button between a pin and ground is pressed."""
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP).value() == 0


def start_watchdog(timeout_ms):
    """Starts the watchdog and returns it: without `feed()` in time the board resets. It cannot be stopped."""
    return machine.WDT(timeout=min(timeout_ms, WATCHDOG_MS_MAX))


def every(period_ms, function):
    """Calls a function with one argument again and again, also while code blocks; `deinit()` of the result ends it."""
    return machine.Timer(-1, period=period_ms, callback=function)
