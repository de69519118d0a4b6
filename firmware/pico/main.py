"""A pan/tilt head. This program is yours: add a function, flash it, and call it from the gateway."""

import board
from machine import Pin
from servo import Servo

from darvaz import Device

device = Device(board)
pan_servo = Servo(16)
tilt_servo = Servo(17, limits_deg=(30, 150))
lamp = Pin(15, Pin.OUT, value=0)


@device.command(angle={"type": "number", "min": 0, "max": 180, "unit": "°"})
async def pan(angle):
    return await pan_servo.move(angle)


@device.command(angle={"type": "number", "min": 30, "max": 150, "unit": "°"})
async def tilt(angle):
    return await tilt_servo.move(angle)


@device.command(on={"type": "boolean"})
def led(on):
    lamp.value(1 if on else 0)
    return {"on": on}


@device.telemetry(every_s=10, unit="°C", device_class="temperature")
def temperature():
    return board.temperature_c()


device.run()
