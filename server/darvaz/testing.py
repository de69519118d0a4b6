"""What tests with a board import: types to annotate with, and failures to expect. The fixtures come by themselves."""

from darvaz.pytest_plugin.async_board import AsyncBoard
from darvaz.pytest_plugin.board import Board
from darvaz.pytest_plugin.errors import BoardError, CommandFailed, ExecFailed, NotSeenError
from darvaz.pytest_plugin.gateway import Gateway
from darvaz.pytest_plugin.wiring import Wiring

__all__ = ["AsyncBoard", "Board", "BoardError", "CommandFailed", "ExecFailed", "Gateway", "NotSeenError", "Wiring"]
