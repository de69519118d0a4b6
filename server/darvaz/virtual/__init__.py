"""Boards without boards: the real firmware on MicroPython's unix port, behind a terminal that looks like USB."""

from darvaz.virtual.board import VirtualBoard
from darvaz.virtual.hardware import AccessPoint

__all__ = ["AccessPoint", "VirtualBoard"]
