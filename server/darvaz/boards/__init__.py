"""Boards: what touches a board, real or virtual: serial ports, flashing, the virtual board."""
