"""The errors of tests with a board; the text of each says what happened instead."""

from __future__ import annotations

from typing import NoReturn

# Reports show the names by which tests import these.
_PUBLIC = "darvaz.testing"


class BoardError(AssertionError):
    """The board, or the connection to it, is not as the test needs it."""

    __module__ = _PUBLIC


class NotSeenError(BoardError):
    """Something expected did not arrive in time; the text shows what arrived instead."""

    __module__ = _PUBLIC


class BoardCommandFailed(BoardError):
    """A command failed; the text is the reason of the board or the gateway. Tests know it as `CommandFailed`.

    `code` is the gateway's short word for it: `refused_by_board`, `invalid`, `offline`, `timed_out` …
    """

    __module__ = _PUBLIC
    __qualname__ = "CommandFailed"

    def __init__(self, command: str, code: str, sentence: str) -> None:
        super().__init__(f"{command}: {sentence}")
        self.code = code


# pytest shows this name, too.
BoardCommandFailed.__name__ = "CommandFailed"


class ExecFailed(BoardError):
    """Code that ran on the board ended with an error; the text is its traceback."""

    __module__ = _PUBLIC


class BenchError(Exception):
    """The set-up of the run is wrong; the text says what to change."""


def skip(sentence: str) -> NoReturn:
    """Ends a test that this bench cannot run, without a failure."""
    __tracebackhide__ = True
    # Here, because these types are useful without pytest.
    import pytest

    pytest.skip(sentence)
