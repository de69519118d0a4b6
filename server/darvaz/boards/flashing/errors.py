"""How a flash can end: an exit status for programs, and an error with what is wrong and what to do."""

from __future__ import annotations

import enum


class FlashOutcome(enum.IntEnum):
    """The exit status of `darvaz flash`."""

    ONLINE = 0
    NO_BOARD = 1
    """The board could not be reached, or went away; click's own status of a failure."""
    WRONG_USE = 2
    INCOMPATIBLE = 3
    """Nothing was written: the wrong board, old firmware, no camera, no space, or a program that is not ours."""
    NO_TOKEN = 4
    """Nothing was written: there was no token, or no address of the gateway for the board."""
    NO_WIFI = 5
    """All is on the board, but it did not join the Wi-Fi."""
    NO_GATEWAY = 6
    """All is on the board, and it joined, but it did not reach the gateway."""
    NOT_RUNNING = 7
    """All is on the board, but its program ended, restarts again and again, or prints nothing."""


class FlashError(Exception):
    """A sentence for people, and the exit status."""

    def __init__(self, outcome: FlashOutcome, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome
