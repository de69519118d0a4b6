"""Emulated boards: the official firmware of a Pico W on an emulated chip, with a radio that reaches one gateway."""

from darvaz.boards.emulated.board import EmulatedPico
from darvaz.boards.emulated.packages import NoEmulator

__all__ = ["EmulatedPico", "NoEmulator"]
