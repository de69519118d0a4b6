"""The pan/tilt program on a board: its servos, its lamp, its thermometer, and its log."""

from __future__ import annotations

import pytest

from darvaz.testing import Board, CommandFailed, Wiring

# One board for all of them.
pytestmark = pytest.mark.xdist_group("hil")
LAMP = 15
READ = "from machine import Pin; print(Pin({pin}, Pin.IN).value())"


@pytest.mark.parametrize(("servo", "angle_deg"), [("pan", 0), ("pan", 180), ("tilt", 30), ("tilt", 150)])
def test_servo_goes_to_the_end_of_its_range(pan_tilt: Board, servo: str, angle_deg: int) -> None:
    assert pan_tilt.command(servo, angle=angle_deg)["angle"] == angle_deg


@pytest.mark.parametrize(("servo", "angle_deg"), [("pan", 181), ("tilt", 29)])
def test_angle_beyond_the_range_is_refused_with_the_range(pan_tilt: Board, servo: str, angle_deg: int) -> None:
    with pytest.raises(CommandFailed, match=r"angle must be at (least|most) \d+"):
        pan_tilt.command(servo, angle=angle_deg)


def test_newer_move_takes_over_from_an_older_one(pan_tilt: Board) -> None:
    pan_tilt.command("pan", angle=10)

    first = pan_tilt.command("pan", angle=20)

    assert first["from"] == 10


def test_lamp_answers(pan_tilt: Board) -> None:
    assert pan_tilt.command("led", on=True) == {"on": True}
    assert pan_tilt.command("led", on=False) == {"on": False}


@pytest.mark.parametrize("is_on", [True, False])
def test_lamp_drives_its_pin(pan_tilt: Board, wiring: Wiring, is_on: bool) -> None:
    other_end = wiring.jumper_from(LAMP)

    pan_tilt.command("led", on=is_on)

    assert pan_tilt.exec(READ.format(pin=other_end)).strip() == str(int(is_on))


def test_temperature_is_reported_and_plausible(pan_tilt: Board) -> None:
    pan_tilt.expect_telemetry("temperature", above=-10, below=60, timeout_s=20)
