"""What a test with a board fails of; each says what was seen instead."""

from __future__ import annotations

from typing import NoReturn

# Reports show where tests import these from.
_PUBLIC = "darvaz.testing"


class BoardError(AssertionError):
    """The board, or the way to it, is not as the test needs it."""

    __module__ = _PUBLIC


class NotSeenError(BoardError):
    """What was expected did not come in time; the text shows what came instead."""

    __module__ = _PUBLIC


class CommandFailed(BoardError):
    """A command was not done; the text is what the board, or the gateway, said of it.

    `code` is the gateway's short word for it: `refused_by_board`, `invalid`, `offline`, `timed_out` …
    """

    __module__ = _PUBLIC

    def __init__(self, command: str, code: str, sentence: str) -> None:
        super().__init__(f"{command}: {sentence}")
        self.code = code


class ExecFailed(BoardError):
    """Code that was run on the board ended with an error; the text is its traceback."""

    __module__ = _PUBLIC


class BenchError(Exception):
    """The run is not set up as it must be; the text says what to change."""


def skip(sentence: str) -> NoReturn:
    """Ends a test that this bench cannot run, which is no fault of the board."""
    __tracebackhide__ = True
    # Not at the top: who only reads these types needs no pytest.
    import pytest

    pytest.skip(sentence)
