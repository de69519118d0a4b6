"""One figure measured in several rounds: its median and its spread."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import TypedDict


class Samples(TypedDict):
    """One figure, measured once a round; in the JSON as it is here."""

    median: float
    min: float
    max: float
    values: list[float]


def summarise(values: Iterable[float]) -> Samples:
    """Returns the values with their median and extremes."""
    listed = list(values)
    return Samples(median=statistics.median(listed), min=min(listed), max=max(listed), values=listed)


def ratios(ours: Samples, theirs: Samples) -> Samples:
    """Returns ours divided by theirs, round by round, so that a slow round does not count.

    A round in which theirs is 0 is left out; if that leaves none, the ratio is 0.
    """
    pairs = zip(ours["values"], theirs["values"], strict=True)
    return summarise([our / their for our, their in pairs if their] or [0.0])


def spread(figures: Samples) -> float:
    """Returns the distance between the extremes as a share of the median."""
    return (figures["max"] - figures["min"]) / figures["median"] if figures["median"] else 0.0
