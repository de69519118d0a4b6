"""A servo that moves smoothly, within its limits, and is released when it has arrived."""

import asyncio
import time

from machine import PWM, Pin

# A servo expects a pulse every 20 ms and takes its width for the angle.
_PULSES_HZ = 50
_STEP_MS = 20
# Wider or narrower pulses drive every servo against its stops.
_PULSE_US_LEAST = 400
_PULSE_US_MOST = 2600


class Servo:
    """One servo on a pin.

    `pulse_us` are the pulses at 0° and at `range_deg`; `limits_deg` are the angles that its mount allows;
    `speed_deg_s` is its highest speed. After `hold_ms` without a move the pulses end, and with them current, heat
    and hum. Nothing moves at boot: until the first move `angle_deg` is None, as a servo does not report its angle.
    """

    def __init__(self, pin, limits_deg=(0, 180), pulse_us=(600, 2400), range_deg=180, speed_deg_s=120, hold_ms=800):
        low_us, high_us = pulse_us
        if not _PULSE_US_LEAST <= low_us < high_us <= _PULSE_US_MOST:
            raise ValueError("pulse_us must be two widths from %d to %d" % (_PULSE_US_LEAST, _PULSE_US_MOST))
        if not 0 <= limits_deg[0] < limits_deg[1] <= range_deg:
            raise ValueError("limits_deg must be two angles from 0 to range_deg (%s)" % range_deg)
        if not speed_deg_s > 0:
            raise ValueError("speed_deg_s must be above 0")
        self.angle_deg = None
        self._limits_deg = limits_deg
        self._low_ns = low_us * 1000
        self._ns_per_deg = (high_us - low_us) * 1000 / range_deg
        self._range_deg = range_deg
        self._speed_deg_s = speed_deg_s
        self._hold_ms = hold_ms
        # The number of the newest move; an older one ends when it sees a newer number.
        self._move = 0
        # When the last pulse was set; the pulses end `hold_ms` later.
        self._pulsed_ms = time.ticks_ms()
        # Whether the task of `_release` runs.
        self._is_held = False
        self._pwm = PWM(Pin(pin))
        self._pwm.freq(_PULSES_HZ)
        self._pwm.duty_ns(0)

    async def move(self, angle_deg):
        """Moves to an angle and returns the result for the command's ack.

        A newer move takes over at the angle reached so far. Raises ValueError beyond the limits.
        """
        low, high = self._limits_deg
        if not low <= angle_deg <= high:
            raise ValueError("the angle must be from %s° to %s°, not %s°" % (low, high, angle_deg))
        self._move = mine = self._move + 1
        start_deg = self.angle_deg
        result = {"angle": angle_deg, "from": "unknown" if start_deg is None else round(start_deg, 1)}
        self._hold()
        if start_deg is None:
            await self._jump(angle_deg, mine)
        else:
            await self._glide(start_deg, angle_deg, mine)
        if mine != self._move:
            result["angle"] = round(self.angle_deg, 1)
            result["interrupted"] = True
        return result

    async def _jump(self, angle_deg, mine):
        # From an unknown angle it moves at the servo's own speed, perhaps over the whole range.
        self._pulse(angle_deg)
        left_ms = 1000 * self._range_deg // self._speed_deg_s
        while left_ms > 0 and mine == self._move:
            await asyncio.sleep_ms(_STEP_MS)
            self._pulse(angle_deg)
            left_ms -= _STEP_MS

    async def _glide(self, start_deg, angle_deg, mine):
        way_deg = angle_deg - start_deg
        # With the easing below, the highest speed is one and a half times the average.
        duration_ms = max(1, round(1500 * abs(way_deg) / self._speed_deg_s))
        started_ms = time.ticks_ms()
        gone_ms = 0
        while gone_ms < duration_ms:
            await asyncio.sleep_ms(_STEP_MS)
            if mine != self._move:
                return
            gone_ms = min(duration_ms, time.ticks_diff(time.ticks_ms(), started_ms))
            part = gone_ms / duration_ms
            self._pulse(start_deg + way_deg * part * part * (3 - 2 * part))

    def _pulse(self, angle_deg):
        self.angle_deg = angle_deg
        self._pulsed_ms = time.ticks_ms()
        self._pwm.duty_ns(round(self._low_ns + angle_deg * self._ns_per_deg))

    def _hold(self):
        # One task for all moves: it waits for the last of them.
        self._pulsed_ms = time.ticks_ms()
        if not self._is_held:
            self._is_held = True
            asyncio.create_task(self._release())

    async def _release(self):
        still_ms = 0
        while still_ms < self._hold_ms:
            await asyncio.sleep_ms(self._hold_ms - still_ms)
            still_ms = time.ticks_diff(time.ticks_ms(), self._pulsed_ms)
        self._pwm.duty_ns(0)
        self._is_held = False
