"""The serial port of a virtual board: carries bytes between a host and the interpreter, as a board's USB does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from darvaz.boards.virtual.interpreter import Interpreter
from darvaz.boards.virtual.terminal import READ_BYTES, Terminal

LINES_MAX = 2000
# A host that sends more is made to wait, as over USB.
HELD_BYTES_MAX = 65536
UNSENT_BYTES_MAX = 262144
# So long a Pico waits for a host that reads nothing, before it goes on without it.
HOST_WAIT_S = 0.5
READY = b"\x1b[darvaz-ready]"
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_CTRL_A, _CTRL_B, _CTRL_C = 1, 2, 3
_RETRY_S = 0.002


class Console:
    """Knows what of the prompt's state survives a soft reboot; `lines` is what the board printed."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        self.is_raw = False
        self._on_line = on_line
        self._usb: Terminal | None = None
        self._interpreter: Interpreter | None = None
        self._is_ready = self._waits_for_banner = False
        self._held = self._shown = self._line = self._unsent = b""
        self._stuck_s: float | None = None
        self._is_retrying = False
        self._heard: set[int] = set()

    @property
    def port(self) -> str:
        """The path of the serial port; empty while it is unplugged."""
        return self._usb.path if self._usb is not None else ""

    # Plugs

    def plug_in(self) -> None:
        """Makes the port, with a new path."""
        self._usb = Terminal()
        self._hear(self._usb.fd, self._from_host)

    def unplug(self) -> None:
        """Takes the port away: a host that has it open sees it vanish."""
        if self._usb is not None:
            self._hear(self._usb.fd, None)
            self._usb.close()
            self._usb = None
        self._held = self._unsent = b""
        self._stuck_s = None

    def attach(self, interpreter: Interpreter) -> None:
        """Begins to carry the bytes of an interpreter; a host's are held until it is ready."""
        self._interpreter = interpreter
        self._is_ready = False
        self._waits_for_banner = self.is_raw
        self._shown = b""
        self._listen()

    def detach(self) -> None:
        """Carries what an interpreter that ended has still said, and nothing more."""
        if self._interpreter is not None:
            terminal = self._interpreter.terminal
            self._hear(terminal.fd, None)
            self._interpreter = None
            while data := terminal.read():
                self._show(data)

    # From the host

    def take(self, data: bytes) -> None:
        """Passes on what a host sent, as far as the board takes it now."""
        self._held += data
        self._let_through()

    def _from_host(self) -> None:
        if self._usb is not None:
            self.take(self._usb.read())

    def _let_through(self) -> None:
        while self._held and self._is_ready and self._interpreter is not None:
            if self._held[0] == _CTRL_C:
                self._held = self._held[1:]
                if not self._interpreter.interrupt():
                    self._interpreter.terminal.write(b"\x03")
                continue
            piece = self._held.partition(b"\x03")[0]
            rest = self._interpreter.terminal.write(piece)
            self._note_mode(piece[: len(piece) - len(rest)])
            self._held = rest + self._held[len(piece) :]
            if rest:
                self._retry()
                break
        if self._usb is not None:
            self._hear(self._usb.fd, self._from_host if len(self._held) < HELD_BYTES_MAX else None)

    def _note_mode(self, piece: bytes) -> None:
        for byte in piece:
            if byte in (_CTRL_A, _CTRL_B):
                self.is_raw = byte == _CTRL_A

    # From the board

    def say(self, data: bytes) -> None:
        """Shows a host what the board says, at the speed at which it reads."""
        self._note_lines(data)
        if self._usb is not None:
            self._unsent = (self._unsent + data)[-UNSENT_BYTES_MAX:]
            self._send()

    def _from_board(self) -> None:
        if self._interpreter is not None and (data := self._interpreter.terminal.read()):
            self._show(data)

    def _show(self, data: bytes) -> None:
        if not self._is_ready:
            # Nothing is let through in either direction before the board announces itself.
            before, found, data = (self._shown + data).partition(READY)
            self._shown = before
            if not found:
                return
            self._announce()
            data = before + data
            self._shown = b""
        if self._waits_for_banner:
            before, found, data = (self._shown + data).partition(_RAW_BANNER)
            self._shown = b"" if found else before
            if not found:
                return
            self._waits_for_banner = False
            data = found + data
        self.say(data)

    def _announce(self) -> None:
        self._is_ready = True
        if self._waits_for_banner and self._interpreter is not None:
            self._interpreter.terminal.write(bytes([_CTRL_A]))
        asyncio.get_running_loop().call_soon(self._let_through)

    def _send(self) -> None:
        if self._usb is None or not self._unsent:
            return
        now_s = asyncio.get_running_loop().time()
        rest = self._usb.write(self._unsent)
        if self._stuck_s is None or len(rest) < len(self._unsent):
            self._stuck_s = now_s
        elif now_s - self._stuck_s > HOST_WAIT_S:
            # Nobody reads: what is old is worth less than what is new.
            self._usb.forget_unread()
            rest = self._usb.write(rest[-READ_BYTES:])
        self._unsent = rest
        if rest:
            self._retry()
        else:
            self._stuck_s = None
        self._listen()

    def _listen(self) -> None:
        # The board goes no faster than its host reads.
        if self._interpreter is not None:
            self._hear(self._interpreter.terminal.fd, None if self._unsent else self._from_board)

    def _hear(self, fd: int, tell: Callable[[], None] | None) -> None:
        if tell is None and fd in self._heard:
            asyncio.get_running_loop().remove_reader(fd)
            self._heard.discard(fd)
        elif tell is not None and fd not in self._heard:
            asyncio.get_running_loop().add_reader(fd, tell)
            self._heard.add(fd)

    def _retry(self) -> None:
        if not self._is_retrying:
            self._is_retrying = True
            asyncio.get_running_loop().call_later(_RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._is_retrying = False
        self._send()
        self._let_through()

    def _note_lines(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[-HELD_BYTES_MAX:]
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            self.lines.append(text)
            if self._on_line is not None:
                self._on_line(text)
