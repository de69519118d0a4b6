"""The serial port of a virtual board: carries bytes between a host and the interpreter, like a board's USB."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from darvaz.boards.virtual.interpreter import Interpreter
from darvaz.boards.virtual.terminal import READ_BYTES, Terminal

LINES_MAX = 2000
# A host that sends more must wait, as over USB.
HELD_BYTES_MAX = 65536
UNSENT_BYTES_MAX = 262144
# Of output for code on the board; beyond, the board's output waits.
COPY_BYTES_MAX = 65536
COPY_STEP_BYTES = 3072
# A Pico waits this long for a host that does not read (MICROPY_HW_USB_CDC_TX_TIMEOUT), then drops output.
HOST_WAIT_S = 0.5
READY = b"\x1b[darvaz-ready]"
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_CTRL_A, _CTRL_B, _CTRL_C = 1, 2, 3
_RETRY_S = 0.002


class Console:
    """Holds bytes back until the board has started, and restores the raw prompt after a soft reboot."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        # The last lines that the board printed.
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        # Whether the board is at its raw prompt; a soft reboot keeps that.
        self.is_raw = False
        self._on_line = on_line
        # The host's terminal; None while it is unplugged.
        self._usb: Terminal | None = None
        self._interpreter: Interpreter | None = None
        # Whether the interpreter has printed READY, and whether the banner of the raw prompt is still to come.
        self._is_ready = self._waits_for_banner = False
        # From the host, not yet written to the board.
        self._held = b""
        # From the board, not yet shown: before READY or the banner.
        self._hidden = b""
        # The board's last line so far, for `lines`.
        self._line = b""
        # From the board, not yet taken by the host.
        self._unsent = b""
        # Since when the host takes nothing, by the loop's clock; None: it takes all.
        self._stuck_s: float | None = None
        self._is_retrying = False
        # What the board has printed, for code on it; None: no code wants it.
        self._copy: bytearray | None = None
        # Descriptors with a reader in the event loop.
        self._watched_fds: set[int] = set()

    @property
    def port(self) -> str:
        """The path of the serial port; empty while it is unplugged."""
        return self._usb.path if self._usb is not None else ""

    # Plugging
    def plug_in(self) -> None:
        """Opens the port, with a new path."""
        self._usb = Terminal()
        self._watch(self._usb.fd, self._from_host)

    def unplug(self) -> None:
        """Closes the port: a host that has it open sees it vanish."""
        if self._usb is not None:
            self._watch(self._usb.fd, None)
            self._usb.close()
            self._usb = None
        self._held = self._unsent = b""
        self._stuck_s = None

    def attach(self, interpreter: Interpreter) -> None:
        """Begins to carry the bytes of an interpreter; the host's are held until it is ready."""
        self._interpreter = interpreter
        self._copy = None
        self._is_ready = False
        self._waits_for_banner = self.is_raw
        self._hidden = b""
        self._watch_board()

    def detach(self) -> None:
        """Shows the last output of an interpreter that has ended, and stops carrying its bytes."""
        if self._interpreter is not None:
            terminal = self._interpreter.terminal
            self._watch(terminal.fd, None)
            self._interpreter = None
            while data := terminal.read():
                self._take_output(data)

    # From the host

    def take(self, data: bytes) -> None:
        """Passes on bytes of the host, as many as the board takes now."""
        self._held += data
        self._pass_on()

    def _from_host(self) -> None:
        if self._usb is not None:
            self.take(self._usb.read())

    def _pass_on(self) -> None:
        while self._held and self._is_ready and self._interpreter is not None:
            if self._held[0] == _CTRL_C:
                self._held = self._held[1:]
                if self._interpreter.interrupt():
                    # As on a Pico: what was typed before is dropped.
                    self._interpreter.terminal.drop_typed()
                else:
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
            self._watch(self._usb.fd, self._from_host if len(self._held) < HELD_BYTES_MAX else None)

    def _note_mode(self, piece: bytes) -> None:
        for byte in piece:
            if byte in (_CTRL_A, _CTRL_B):
                self.is_raw = byte == _CTRL_A

    # For code on the board, as `os.dupterm`

    def copy_output(self, is_on: bool) -> None:
        """Begins or ends to keep what the board prints for code on it."""
        self._from_board()
        self._copy = bytearray() if is_on else None
        self._watch_board()

    def take_copy(self) -> bytes:
        """Returns the oldest bytes that the board has printed, and keeps the rest."""
        if self._copy is None:
            return b""
        if len(self._copy) < COPY_BYTES_MAX:
            self._from_board()
        data = bytes(self._copy[:COPY_STEP_BYTES])
        del self._copy[:COPY_STEP_BYTES]
        self._watch_board()
        return data

    def count_typed(self) -> int:
        """Returns how many bytes the board has not read."""
        return len(self._held) + (self._interpreter.terminal.count_typed() if self._interpreter is not None else 0)

    # From the board

    def show(self, data: bytes) -> None:
        """Sends output to the host, at the speed at which it reads."""
        self._note_lines(data)
        if self._copy is not None:
            self._copy += data
        if self._usb is not None:
            self._unsent = (self._unsent + data)[-UNSENT_BYTES_MAX:]
            self._send()

    def _from_board(self) -> None:
        if self._interpreter is not None and (data := self._interpreter.terminal.read()):
            self._take_output(data)

    def _take_output(self, data: bytes) -> None:
        if not self._is_ready:
            # Before READY nothing passes in either direction.
            before, found, data = (self._hidden + data).partition(READY)
            self._hidden = before
            if not found:
                return
            self._announce()
            data = before + data
            self._hidden = b""
        if self._waits_for_banner:
            before, found, data = (self._hidden + data).partition(_RAW_BANNER)
            self._hidden = b"" if found else before
            if not found:
                return
            self._waits_for_banner = False
            data = found + data
        self.show(data)
        self._watch_board()

    def _announce(self) -> None:
        self._is_ready = True
        if self._waits_for_banner and self._interpreter is not None:
            self._interpreter.terminal.write(bytes([_CTRL_A]))
        asyncio.get_running_loop().call_soon(self._pass_on)

    def _send(self) -> None:
        if self._usb is None or not self._unsent:
            return
        now_s = asyncio.get_running_loop().time()
        rest = self._usb.write(self._unsent)
        if self._stuck_s is None or len(rest) < len(self._unsent):
            self._stuck_s = now_s
        elif now_s - self._stuck_s > HOST_WAIT_S:
            # The host does not read: drop the oldest output.
            self._usb.drop_unread()
            rest = self._usb.write(rest[-READ_BYTES:])
        self._unsent = rest
        if rest:
            self._retry()
        else:
            self._stuck_s = None
        self._watch_board()

    def _watch_board(self) -> None:
        # The board prints only as fast as its host reads.
        if self._interpreter is not None:
            is_full = self._unsent or len(self._copy or b"") >= COPY_BYTES_MAX
            self._watch(self._interpreter.terminal.fd, None if is_full else self._from_board)

    def _watch(self, fd: int, reader: Callable[[], None] | None) -> None:
        if reader is None and fd in self._watched_fds:
            asyncio.get_running_loop().remove_reader(fd)
            self._watched_fds.discard(fd)
        elif reader is not None and fd not in self._watched_fds:
            asyncio.get_running_loop().add_reader(fd, reader)
            self._watched_fds.add(fd)

    def _retry(self) -> None:
        if not self._is_retrying:
            self._is_retrying = True
            asyncio.get_running_loop().call_later(_RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._is_retrying = False
        self._send()
        self._pass_on()

    def _note_lines(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[-HELD_BYTES_MAX:]
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            self.lines.append(text)
            if self._on_line is not None:
                self._on_line(text)
