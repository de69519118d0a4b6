"""The ESP32-CAM of AI-Thinker as a board: its LEDs, camera pins, clock, watchdog and resets."""

import binascii
import time

import machine

KIND = "esp32cam"
NAME = "ESP32-CAM (AI-Thinker)"

# WIFI_PS_NONE of ESP-IDF, WLAN.PM_NONE of MicroPython: with power saving the radio sleeps between beacons, and each
# frame would wait for it.
WIFI_POWER_SAVE = 0

# The port takes any time; joining a Wi-Fi and starting the camera are over within a minute.
WATCHDOG_MS_MAX = 60000

# How the camera is wired (schematic of the AI-Thinker board), as the driver's Camera() takes it; complete, so that
# the image for ESP32_GENERIC-SPIRAM works as well as the one for AI_THINKER. The clock is half the usual one: the
# memory traffic of 20 MHz disturbs the Wi-Fi, and the link is slower than the sensor anyway.
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

# Before 2020 the gateway's own clock is wrong; above 31 bits of seconds older builds overflow.
# Days of 1970: a number of seconds this large would take heap of its own.
_EARLIEST_DAY = 18262
_LATEST_DAY = 24854
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0

# The small red LED is lit by a low pin; the white flash by a high one.
_led = machine.Pin(33, machine.Pin.OUT, value=1)
_flash = machine.Pin(4, machine.Pin.OUT, value=0)


def unique_id():
    """Returns the number of the chip, its MAC address: 12 hexadecimal digits."""
    return binascii.hexlify(machine.unique_id()).decode()


def set_led(on):
    """Turns the status LED on or off."""
    _led.value(0 if on else 1)


def set_flash(on):
    """Turns the flash on or off; after minutes it is hot."""
    _flash.value(1 if on else 0)


def power_camera(on):
    """Turns the sensor's power on or off; a sensor that hangs needs both."""
    # The pin is called power-down: high is off (OV2640 datasheet, PWDN).
    machine.Pin(CAMERA["powerdown_pin"], machine.Pin.OUT, value=0 if on else 1)


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
    return machine.Timer(0, period=period_ms, callback=function)
