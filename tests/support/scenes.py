"""Pictures of a yard as a camera takes them: real JPEGs with noise, and somebody who may stand in it."""

from __future__ import annotations

import functools
import io
import random

import pytest

SIZE = (320, 240)
_GRAIN_MAX = 14
# From 0 to twice the maximum, for each value of a byte.
_GRAIN = bytes(value % (2 * _GRAIN_MAX + 1) for value in range(256))


@functools.lru_cache(maxsize=64)
def scene(person_percent: int | None = None, *, noise: int = 0, light: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    """Returns a JPEG of a yard; with a person at a place from 0 to 100, other noise for each number, and more light."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: install the extra `motion`")
    drawing = pytest.importorskip("PIL.ImageDraw")
    channels = pytest.importorskip("PIL.ImageChops")
    width, height = size
    yard = image.new("L", size, 90 + light)
    draw = drawing.Draw(yard)
    draw.rectangle((0, 0, width, height // 3), fill=160 + light)
    if person_percent is not None:
        left = person_percent * width // 100
        draw.rectangle((left, height // 4, left + width // 8, height * 3 // 4), fill=20)
    # Up to 14 more or less at each second point of each second line.
    points = random.Random(noise).randbytes(width * height // 4).translate(_GRAIN)
    grain = image.frombytes("L", (width // 2, height // 2), points).resize(size, image.Resampling.NEAREST)
    second = image.frombytes("L", size, (b"\xff\0" * (width // 2) + bytes(width)) * (height // 2))
    yard.paste(channels.add(yard, grain, offset=-_GRAIN_MAX), mask=second)
    made = io.BytesIO()
    yard.convert("RGB").save(made, "JPEG", quality=70)
    return made.getvalue()
