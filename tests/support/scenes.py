"""Pictures of a yard as a camera takes them: real JPEGs with noise, and somebody who may stand in it."""

from __future__ import annotations

import functools
import io
import random

import pytest

SIZE = (320, 240)


@functools.lru_cache(maxsize=64)
def scene(person_percent: int | None = None, *, noise: int = 0, light: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    """Returns a JPEG of a yard; with a person at a place from 0 to 100, other noise for each number, and more light."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: install the extra `motion`")
    effects = pytest.importorskip("PIL.ImageDraw")
    width, height = size
    yard = image.new("L", size, 90 + light)
    draw = effects.Draw(yard)
    draw.rectangle((0, 0, width, height // 3), fill=160 + light)
    if person_percent is not None:
        left = person_percent * width // 100
        draw.rectangle((left, height // 4, left + width // 8, height * 3 // 4), fill=20)
    grain = random.Random(noise)
    points = yard.load()
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            points[x, y] = max(0, min(255, points[x, y] + grain.randint(-14, 14)))
    made = io.BytesIO()
    yard.convert("RGB").save(made, "JPEG", quality=70)
    return made.getvalue()
