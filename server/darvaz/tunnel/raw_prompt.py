"""MicroPython's prompts as tools expect them on a serial port: friendly, paste, raw and raw-paste; without I/O.

docs.micropython.org/en/latest/reference/repl.html describes them.
"""

from __future__ import annotations

import codeop
from collections.abc import Callable

# Bytes that a tool may send before the next confirmation, in raw-paste mode.
WINDOW_BYTES = 1_024
CODE_BYTES_MAX = 24_576
_RAW, _FRIENDLY, _INTERRUPT, _END, _PASTE = 0x01, 0x02, 0x03, 0x04, 0x05
_PASTE_BANNER = b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== "
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_RAW_PASTE = b"\x05A\x01"
_REBOOT = b"MPY: soft reboot\r\n"
_FRIENDLY_PROMPT = b">>> "
_MORE = b"... "
_BACKSPACE = (0x08, 0x7F)

# Code, and whether it is a line of the friendly prompt; returns output and traceback or None.
Run = Callable[[str, bool], tuple[str, str | None]]


class RawPrompt:
    """Takes what a tool sends with `receive`; `write(data)` gets the answers, `reset()` is a soft reset."""

    def __init__(self, write: Callable[[bytes], None], run: Run, reset: Callable[[], None], banner: str) -> None:
        self._write = write
        self._run = run
        self._reset = reset
        self._banner = banner.encode()
        self._is_raw = False
        # In raw-paste mode: how many bytes of the window are used; None otherwise.
        self._pasted: int | None = None
        # Whether the paste was too long: the rest of it is dropped.
        self._is_dropping = False
        # Whether text is pasted at the friendly prompt.
        self._is_pasting = False
        # The code, or the line, that has arrived so far; and the lines before it, of a function for example.
        self._code = bytearray()
        self._lines: list[str] = []

    def receive(self, data: bytes) -> None:
        """Takes bytes of the tool."""
        while data:
            if self._pasted is not None:
                data = self._paste(data)
            elif self._is_raw:
                data = self._raw(data)
            elif self._is_pasting:
                self._paste_text(data[0])
                data = data[1:]
            else:
                self._type(data[0])
                data = data[1:]

    # Raw

    def _raw(self, data: bytes) -> bytes:
        """Takes bytes at the raw prompt and returns the rest."""
        if data.startswith(_RAW_PASTE) and not self._code:
            self._pasted = 0
            self._write(b"R\x01" + WINDOW_BYTES.to_bytes(2, "little") + b"\x01")
            return data[len(_RAW_PASTE) :]
        byte = data[0]
        if byte == _RAW:
            self._code.clear()
            self._write(_RAW_BANNER)
        elif byte == _FRIENDLY:
            self._is_raw = False
            self._code.clear()
            self._write(b"\r\n" + self._banner + b"\r\n" + _FRIENDLY_PROMPT)
        elif byte == _INTERRUPT:
            self._code.clear()
        elif byte == _END:
            self._end_raw()
        elif len(self._code) <= CODE_BYTES_MAX:
            self._code.append(byte)
        return data[1:]

    def _end_raw(self) -> None:
        code = self._take_code()
        if not code:
            self._reset()
            self._write(b"OK\r\n" + _REBOOT + _RAW_BANNER)
            return
        self._write(b"OK")
        self._execute(code)

    def _paste(self, data: bytes) -> bytes:
        """Takes bytes in raw-paste mode and returns the rest."""
        end = data.find(_END)
        piece = data if end < 0 else data[:end]
        interrupt = piece.find(_INTERRUPT)
        if interrupt >= 0:
            self._leave_paste()
            self._write(b"\x04\x04>")
            return data[interrupt + 1 :]
        if not self._is_dropping:
            self._code += piece
            self._confirm(len(piece))
        if end < 0:
            return b""
        if self._is_dropping:
            # The tool has confirmed the abrupt end.
            self._leave_paste()
            self._write(f"\x04MemoryError: at most {CODE_BYTES_MAX} bytes of code\r\n\x04>".encode())
        else:
            code = self._take_code()
            self._leave_paste()
            self._write(b"\x04")
            self._execute(code)
        return data[end + 1 :]

    def _confirm(self, size: int) -> None:
        assert self._pasted is not None
        if len(self._code) > CODE_BYTES_MAX:
            self._is_dropping = True
            self._code.clear()
            self._write(b"\x04")
            return
        self._pasted += size
        self._write(b"\x01" * (self._pasted // WINDOW_BYTES))
        self._pasted %= WINDOW_BYTES

    def _leave_paste(self) -> None:
        self._pasted, self._is_dropping = None, False
        self._code.clear()

    def _execute(self, code: str) -> None:
        output, error = self._run(code, False)
        self._write(_lines(output) + b"\x04" + _lines(error or "") + b"\x04>")

    # Friendly

    def _type(self, byte: int) -> None:
        if byte in (_RAW, _FRIENDLY, _INTERRUPT, _END, _PASTE):
            self._code.clear()
            self._lines.clear()
        if byte == _RAW:
            self._is_raw = True
            self._write(_RAW_BANNER)
        elif byte == _FRIENDLY:
            self._write(b"\r\n" + self._banner + b"\r\n" + _FRIENDLY_PROMPT)
        elif byte == _INTERRUPT:
            self._write(b"\r\n" + _FRIENDLY_PROMPT)
        elif byte == _END:
            self._reset()
            self._write(b"\r\n" + _REBOOT + self._banner + b"\r\n" + _FRIENDLY_PROMPT)
        elif byte == _PASTE:
            self._is_pasting = True
            self._write(_PASTE_BANNER)
        elif byte in (0x0D, 0x0A):
            self._enter()
        elif byte in _BACKSPACE:
            if self._code:
                self._code.pop()
                self._write(b"\x08 \x08")
        elif byte >= 0x20 and len(self._code) <= CODE_BYTES_MAX:
            self._code.append(byte)
            self._write(bytes((byte,)))

    def _enter(self) -> None:
        self._lines.append(self._take_code())
        self._write(b"\r\n")
        text = "\n".join(self._lines)
        if is_incomplete(text, self._lines[-1]) and len(text) <= CODE_BYTES_MAX:
            self._write(_MORE)
            return
        self._lines.clear()
        self._run_text(text)

    def _paste_text(self, byte: int) -> None:
        """Takes a byte of a text that Ctrl-D ends; it is shown as it comes, as a board does."""
        if byte in (_INTERRUPT, _END):
            self._is_pasting = False
            text = self._take_code()
            self._write(b"\r\n")
            self._run_text(text if byte == _END else "")
        elif len(self._code) <= CODE_BYTES_MAX:
            byte = 0x0A if byte == 0x0D else byte
            self._code.append(byte)
            self._write(b"\r\n=== " if byte == 0x0A else bytes((byte,)))

    def _run_text(self, text: str) -> None:
        if text.strip():
            output, error = self._run(text, True)
            self._write(_lines(output) + _lines(error or ""))
        self._write(_FRIENDLY_PROMPT)

    def _take_code(self) -> str:
        code = bytes(self._code).decode("utf-8", "replace")
        self._code.clear()
        return code


def is_incomplete(text: str, line: str) -> bool:
    """Whether more lines follow, as in a function; an empty line ends it."""
    try:
        return codeop.compile_command(text + "\n" * (not line)) is None
    except (SyntaxError, ValueError, OverflowError):
        # The board says what is wrong.
        return False


def _lines(text: str) -> bytes:
    """Returns a text with the line ends of a board; bytes that end an answer are shown as they are written."""
    return text.replace("\x04", "\\x04").replace("\r\n", "\n").replace("\n", "\r\n").encode()
