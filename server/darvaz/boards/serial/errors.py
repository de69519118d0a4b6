"""The error of boards on a serial port: a reason for programs, and a sentence with what is wrong and what to do."""

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
    CODE_FAILED = "code_failed"
    NO_SPACE = "no_space"
    NO_FILE = "no_file"
    DAMAGED = "damaged"
    WRONG_IMAGE = "wrong_image"


class SerialError(Exception):
    """A sentence for people; `traceback` is the board's own, if its code failed."""

    def __init__(self, reason: Reason, sentence: str, traceback: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.traceback = traceback
