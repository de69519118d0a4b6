"""How a flash can end: a number for programs, and the one error, a sentence that says what is wrong and what to do."""

from __future__ import annotations

import enum


class FlashOutcome(enum.IntEnum):
    """The exit status of `darvaz flash`."""

    ONLINE = 0
    NO_BOARD = 1
    """The board could not be reached, or went away; click's own status of a failure."""
    WRONG_USE = 2
    INCOMPATIBLE = 3
    """Nothing was written: the wrong board, too old a firmware, no camera, no room, somebody else's program."""
    NO_TOKEN = 4
    """Nothing was written: the gateway's data or the gateway gave no token, or there is no address for it."""
    NO_WIFI = 5
    """All is on the board, but it did not join the Wi-Fi."""
    NO_GATEWAY = 6
    """All is on the board, and it joined, but it did not come to the gateway."""
    NOT_RUNNING = 7
    """All is on the board, but its program ended, restarts again and again, or says nothing."""


class FlashError(Exception):
    """What a person is told, and the exit status that goes with it."""

    def __init__(self, outcome: FlashOutcome, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome
