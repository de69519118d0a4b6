"""The one error of boards on a serial port: a sentence that says what is wrong and what to do, and a reason."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """Why something on a serial port failed, for programs."""

    NO_BOARD = "no_board"
    SEVERAL_BOARDS = "several_boards"
    NO_PORT = "no_port"
    NO_PERMISSION = "no_permission"
    BUSY = "busy"
    GONE = "gone"
    NO_PROMPT = "no_prompt"
    SILENT = "silent"
    FAILED_THERE = "failed_there"
    NO_SPACE = "no_space"
    NO_FILE = "no_file"
    DAMAGED = "damaged"
    WRONG_IMAGE = "wrong_image"


class SerialError(Exception):
    """What a person is told; `traceback` is the board's own, where its code failed."""

    def __init__(self, reason: Reason, sentence: str, traceback: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.traceback = traceback
