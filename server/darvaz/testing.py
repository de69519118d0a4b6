"""What tests with a board import: types for annotations, errors to expect, and parts of a virtual board.

The fixtures need no import.
"""

from darvaz.boards.parts import PartError, Registers, onewire_rom
from darvaz.pytest_plugin.async_board import AsyncBoard
from darvaz.pytest_plugin.board import Board
from darvaz.pytest_plugin.errors import BoardCommandFailed as CommandFailed
from darvaz.pytest_plugin.errors import BoardError, ExecFailed, NotSeenError
from darvaz.pytest_plugin.gateway import BenchGateway as Gateway
from darvaz.pytest_plugin.wiring import Wiring

__all__ = [
    "AsyncBoard",
    "Board",
    "BoardError",
    "CommandFailed",
    "ExecFailed",
    "Gateway",
    "NotSeenError",
    "PartError",
    "Registers",
    "Wiring",
    "onewire_rom",
]
