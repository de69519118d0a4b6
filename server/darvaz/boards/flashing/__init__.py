"""Brings a board on USB online: what is copied to it and how, and why it did not come online."""

from darvaz.boards.flashing.errors import FlashError, FlashOutcome

__all__ = ["FlashError", "FlashOutcome"]
