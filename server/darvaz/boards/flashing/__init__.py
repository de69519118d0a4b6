"""From a board on USB to a device online: what goes on the board, how, and why it did not come online."""

from darvaz.boards.flashing.errors import FlashError, FlashOutcome

__all__ = ["FlashError", "FlashOutcome"]
