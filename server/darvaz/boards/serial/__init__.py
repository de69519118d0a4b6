"""Boards on a serial port: finds and identifies them, opens their prompt, moves files. Blocking; Linux, macOS and
Windows.
"""

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.files import FileEntry
from darvaz.boards.serial.identity import Identity, identify
from darvaz.boards.serial.ports import Port, find_port, list_boards
from darvaz.boards.serial.prompt import Prompt

__all__ = ["FileEntry", "Identity", "Port", "Prompt", "Reason", "SerialError", "find_port", "identify", "list_boards"]
