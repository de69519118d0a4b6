"""Turns a servo to where something moves in a camera's picture.

    pip install pillow
    python examples/follow_motion.py CAMERA SERVO

The picture is compared with the one before it; the pan/tilt head turns to the middle of what differs.
"""

from __future__ import annotations

import contextlib
import io
import sys

from PIL import Image, ImageChops

from darvaz import Gateway

# Small pictures are enough to see that something moves, and quick to compare.
SIZE = (32, 24)
# How much brighter or darker a dot must be, of 255, and how many dots must be so.
CHANGE = 40
DOTS = 4
# The servo turns by so many degrees between the edges of the picture.
VIEW_DEG = 60


def load(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("L").resize(SIZE)


def where(before: Image.Image, now: Image.Image) -> float | None:
    """Returns where something moved, from 0 (left) to 1 (right), or None."""
    moved = ImageChops.difference(before, now).point(lambda value: 255 if value > CHANGE else 0)
    columns = [at % SIZE[0] for at, value in enumerate(moved.tobytes()) if value]
    return sum(columns) / len(columns) / (SIZE[0] - 1) if len(columns) >= DOTS else None


def main(camera: str, servo: str) -> None:
    with Gateway() as gateway:
        before = None
        for frame in gateway[camera].stream(fps=4, size="QVGA"):
            now = load(frame.data)
            at = where(before, now) if before else None
            before = now
            if at is not None:
                angle = round(90 + (at - 0.5) * VIEW_DEG)
                gateway[servo].pan(angle=angle)
                print(f"something moves at {at:.2f}: turned to {angle}°", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:3])
