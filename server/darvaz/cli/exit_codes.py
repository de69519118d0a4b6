"""The exit codes of every verb: one table, for the program, its help and its documentation."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The codes that every verb may end with."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    INTERRUPTED = 130


TABLE: tuple[tuple[int, str, str], ...] = (
    (ExitCode.DONE, "every verb", "done; also when the reader of a pipe, such as `head`, has enough"),
    (ExitCode.FAILED, "every verb", "failed: standard error says why in one sentence. `doctor`, `status`: not well"),
    (ExitCode.WRONG_USE, "every verb", "wrong options or arguments; `erase` and `forget` without `--confirm`"),
    (3, "`flash`", "nothing was written: the wrong board, old firmware, no camera, or no space"),
    (3, "`service status`", "the service does not run"),
    (4, "`flash`", "nothing was written: no token, or no address of the gateway for the board"),
    (5, "`flash`", "all is on the board, but it did not join the Wi-Fi"),
    (6, "`flash`", "all is on the board, and it joined, but it did not reach the gateway"),
    (7, "`flash`", "all is on the board, but its program ended or restarts again and again"),
    (ExitCode.INTERRUPTED, "every verb", "Ctrl-C; `log`, `events`, `record`, `simulate` and `serve` end with 0"),
)
"""Each code, the verbs that end with it, and what it says."""
