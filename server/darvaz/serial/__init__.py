"""Boards on a serial port: finds them, gets to their prompt, moves files, and says what they are. Blocking; Linux,
macOS and Windows.
"""

from darvaz.serial.errors import BoardError, Reason
from darvaz.serial.files import FileEntry
from darvaz.serial.identity import Identity, identify
from darvaz.serial.ports import Port, find_port, list_boards
from darvaz.serial.prompt import Prompt

__all__ = ["BoardError", "FileEntry", "Identity", "Port", "Prompt", "Reason", "find_port", "identify", "list_boards"]
