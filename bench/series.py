"""Figures of several rounds: their median, and how far they lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import TypedDict


class Series(TypedDict):
    """What JSON keeps of a figure that was measured several times."""

    median: float
    min: float
    max: float
    values: list[float]


def series(values: Iterable[float]) -> Series:
    """Returns the figures with what is said of them."""
    listed = list(values)
    return Series(median=statistics.median(listed), min=min(listed), max=max(listed), values=listed)


def ratios(ours: Series, theirs: Series) -> Series:
    """Returns ours by theirs, round by round: what slowed a whole round down falls out.

    A round in which they did nothing at all says nothing; without any other, the ratio is 0.
    """
    pairs = zip(ours["values"], theirs["values"], strict=True)
    return series([our / their for our, their in pairs if their] or [0.0])


def spread(figures: Series) -> float:
    """Returns the distance between the extremes as a share of the median."""
    return (figures["max"] - figures["min"]) / figures["median"] if figures["median"] else 0.0
