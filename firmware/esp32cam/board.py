"""The ESP32-CAM of AI-Thinker as a board: its LEDs, camera pins, clock, watchdog and resets."""

import binascii
import time

import machine

KIND = "esp32cam"
NAME = "ESP32-CAM (AI-Thinker)"

# WIFI_PS_NONE of ESP-IDF, which MicroPython calls WLAN.PM_NONE: with power saving the radio sleeps between beacons,
# and each picture would wait for it.
WIFI_POWER_SAVE = 0

# The port takes any time; within a minute a joining Wi-Fi and a starting camera are certainly over.
WATCHDOG_MS_MAX = 60000

# How the camera is wired (schematic of the AI-Thinker board), as the driver's Camera() wants it; said in full so
# that the image for ESP32_GENERIC-SPIRAM works as well as the one for AI_THINKER. The clock is half the usual one:
# at 20 MHz and its memory traffic Wi-Fi suffers, and the link is slower than the sensor anyway.
CAMERA = {
    "data_pins": [5, 18, 19, 21, 36, 39, 34, 35],
    "pclk_pin": 22,
    "vsync_pin": 25,
    "href_pin": 23,
    "sda_pin": 26,
    "scl_pin": 27,
    "xclk_pin": 0,
    "xclk_freq": 10000000,
    "powerdown_pin": 32,
    "reset_pin": -1,
}

# The port counts a brown-out as a power-on, and a crash of the interpreter as a reset.
_CAUSES = {
    machine.PWRON_RESET: "power_on",
    machine.HARD_RESET: "reset",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "deep_sleep",
    machine.SOFT_RESET: "soft_reset",
}

# Earlier a gateway's own clock is wrong; later than 31 bits of seconds older builds overflow.
_EARLIEST_S = 1577836800
_LATEST_S = 0x7FFFFFFF
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0

# The small red LED is lit by a low pin; the white flash by a high one.
_led = machine.Pin(33, machine.Pin.OUT, value=1)
_flash = machine.Pin(4, machine.Pin.OUT, value=0)


def unique_id():
    """Returns the number of the chip, which is its Wi-Fi address: 12 hexadecimal digits."""
    return binascii.hexlify(machine.unique_id()).decode()


def set_led(on):
    """Lights the status LED or puts it out."""
    _led.value(0 if on else 1)


def set_flash(on):
    """Lights the flash or puts it out; lit for minutes it becomes hot."""
    _flash.value(1 if on else 0)


def power_camera(on):
    """Gives the sensor its power or takes it away: what a sensor that hangs needs."""
    # The pin is called power-down: high is off.
    machine.Pin(CAMERA["powerdown_pin"], machine.Pin.OUT, value=0 if on else 1)


def reset_cause():
    """Returns why the board last started, in a word."""
    return _CAUSES.get(machine.reset_cause(), "unknown")


def reset():
    """Starts the board again; does not return."""
    machine.reset()


def set_clock(unix_s):
    """Sets the clock (UTC) and returns whether it did: not to a time that cannot be."""
    if not _EARLIEST_S <= unix_s <= _LATEST_S:
        return False
    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - _EPOCH_S)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
    return True


def start_watchdog(timeout_ms):
    """Returns the watchdog, started: unless its `feed()` is called in time the board resets. It cannot be stopped."""
    return machine.WDT(timeout=min(timeout_ms, WATCHDOG_MS_MAX))
