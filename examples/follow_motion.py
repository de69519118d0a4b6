"""Turns a servo towards motion in the picture of a camera.

    pip install pillow
    python examples/follow_motion.py CAMERA SERVO

Each frame is compared with the one before it; the servo turns to the middle of the difference.
"""

from __future__ import annotations

import contextlib
import io
import sys

from PIL import Image, ImageChops

from darvaz import Gateway

# Small frames are enough to find motion, and quick to compare.
SIZE = (32, 24)
# A dot has changed if its brightness differs by this (of 255); this many dots are motion.
CHANGE = 40
DOTS = 4
# Degrees between the left and the right edge of a frame.
VIEW_DEG = 60


def load(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("L").resize(SIZE)


def where(before: Image.Image, now: Image.Image) -> float | None:
    """Returns the place of the motion, from 0 (left) to 1 (right), or None."""
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
