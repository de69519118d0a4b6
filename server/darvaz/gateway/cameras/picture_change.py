"""How much of a picture changed: two JPEGs as small grey pictures, compared point by point. Pillow decodes them."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# Coarse enough that noise of a sensor and of JPEG averages out, fine enough for a person at the end of a yard.
THUMBNAIL = (64, 48)
# Steps of grey, of 255, by which a point must differ: flicker of lamps and noise are below.
POINT_DIFFERS = 20
# A JPEG of some kilobytes may declare any size; decoding would take memory and time for all of it.
PIXELS_MAX = 4_000_000


class UndecodableError(Exception):
    """A frame cannot be compared: it is not a whole JPEG, or too large."""


def can_compare() -> bool:
    """Returns whether the package that decodes JPEGs is installed."""
    return find_spec("PIL") is not None


def thumbnail(jpeg: bytes) -> Image.Image:
    """Returns a frame as a small grey picture; raises `UndecodableError`."""
    # An extra, which only gateways that detect motion need.
    from PIL import Image

    try:
        # Boards send JPEGs: no other decoder is to see their bytes.
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            if image.width * image.height > PIXELS_MAX:
                raise UndecodableError(f"{image.width} × {image.height} points are too many")
            # The decoder leaves out what is not needed for this size: an eighth of the points of a large frame.
            image.draft("L", (THUMBNAIL[0] * 2, THUMBNAIL[1] * 2))
            return image.convert("L").resize(THUMBNAIL, Image.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UndecodableError(str(error)) from None


def changed_percent(before: Image.Image, now: Image.Image) -> float:
    """Returns the share of points that differ."""
    from PIL import ImageChops

    counts = ImageChops.difference(before, now).histogram()
    return 100.0 * sum(counts[POINT_DIFFERS:]) / (THUMBNAIL[0] * THUMBNAIL[1])
