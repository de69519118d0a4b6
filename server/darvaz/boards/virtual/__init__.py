"""Virtual boards: the real firmware on MicroPython's unix port, behind a terminal that looks like USB."""

from darvaz.boards.virtual.board import VirtualBoard
from darvaz.boards.virtual.hardware import AccessPoint

__all__ = ["AccessPoint", "VirtualBoard"]
