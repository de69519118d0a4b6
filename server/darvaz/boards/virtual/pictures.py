"""The frames of a virtual camera: JPEGs of a moving ball, a counter and the board's name."""

from __future__ import annotations

import functools
import importlib
import io
import math

from darvaz.text.extras import how_to_install

SIZES = {
    "QQVGA": (160, 120),
    "QVGA": (320, 240),
    "VGA": (640, 480),
    "SVGA": (800, 600),
    "XGA": (1024, 768),
    "SXGA": (1280, 1024),
    "UXGA": (1600, 1200),
}
_ROUND_FRAMES = 48
_BARS = ("#c0392b", "#d68910", "#229954", "#2471a3", "#7d3c98", "#566573")


class NoPictures(RuntimeError):
    """Pillow, which draws the frames, is not installed."""


def load_pillow() -> None:
    """Imports Pillow; raises `NoPictures` if it is missing."""
    try:
        importlib.import_module("PIL.ImageDraw")
    except ImportError:
        raise NoPictures(f"a virtual camera needs Pillow: {how_to_install('simulate')}") from None


@functools.lru_cache(maxsize=256)
def draw_frame(size: str, quality: int, number: int, name: str) -> bytes:
    """Returns the JPEG of one frame; `quality` is 1 to 100, higher is better."""
    from PIL import Image, ImageDraw

    width, height = SIZES.get(size, SIZES["VGA"])
    image = Image.new("RGB", (width, height), "#1b2631")
    draw = ImageDraw.Draw(image)
    for at, colour in enumerate(_BARS):
        left = width * at // len(_BARS)
        draw.rectangle((left, height * 3 // 4, left + width // len(_BARS), height), fill=colour)
    turn = 2 * math.pi * number / _ROUND_FRAMES
    radius = height // 10
    x, y = width / 2 + width / 3 * math.cos(turn), height * 3 / 8 + height / 4 * math.sin(2 * turn)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#f4d03f")
    draw.text((8, 8), f"{name}  frame {number}  {width}x{height}", fill="#ecf0f1")
    data = io.BytesIO()
    image.save(data, "JPEG", quality=max(1, min(95, quality)))
    return data.getvalue()


def broken_frame(data: bytes) -> bytes:
    """Returns a frame without its end, as from a sensor with a bad contact."""
    return data[: len(data) // 2]
