"""A virtual board: its port looks like USB to mpremote, its processor is MicroPython, its hardware is simulated."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from darvaz.virtual.air import Air
from darvaz.virtual.hardware import AccessPoint, Hardware
from darvaz.virtual.host import Host
from darvaz.virtual.interpreter import Interpreter
from darvaz.virtual.terminal import Terminal

HEAP = "384k"
LINES_MAX = 2000
HELD_BYTES_MAX = 65536
_READY = b"\x1b[darvaz-ready]"
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_SOFT_REBOOT = b"MPY: soft reboot\r\n"
_CTRL_A, _CTRL_B, _CTRL_C = 1, 2, 3
_LOOK_S = 0.02
_UNIQUE_ID_BYTES = {"pico": 8, "esp32cam": 6}


class VirtualBoard:
    """One board; `port` is what to give to mpremote, `hardware` and `air` what to steer it with.

    `flash` is the folder that is its file system; with `image` the file system is littlefs, in that file.
    `on_line(text)` is called for each line that the board prints.
    """

    def __init__(
        self,
        kind: str,
        flash: Path,
        *,
        unique_id: str | None = None,
        heap: str = HEAP,
        image: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        self.air = Air()
        unique_id = unique_id or secrets.token_hex(_UNIQUE_ID_BYTES[kind])
        self.hardware = Hardware(kind, unique_id, time.monotonic, self.air.route, self._restart)
        self._host = Host(self.hardware)
        self._usb = Terminal()
        self._flash = flash
        self._image = image
        self._heap = heap
        self._on_line = on_line
        self._interpreter: Interpreter | None = None
        self._task: asyncio.Task[None] | None = None
        self._restart_cause: str | None = None
        self._is_on = False
        self._is_raw = False
        self._is_ready = False
        self._waits_for_banner = False
        self._held = b""
        self._shown = b""
        self._said = b""
        self._wake = asyncio.Event()

    @property
    def port(self) -> str:
        """The path of the serial port."""
        return self._usb.path

    async def __aenter__(self) -> VirtualBoard:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Gives the board its power."""
        self._flash.mkdir(parents=True, exist_ok=True)
        if self._image is not None and not self._image.exists():
            self._image.write_bytes(b"\xff" * 4096 * 212)
        await self._host.open()
        asyncio.get_running_loop().add_reader(self._usb.fd, self._from_usb)
        self._is_on = True
        self._power_on("power_on")
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """Takes the power away and leaves nothing behind but the flash."""
        self._is_on = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._power_off()
        asyncio.get_running_loop().remove_reader(self._usb.fd)
        await self._host.close()
        await self.air.close()
        self._usb.close()

    # What people and tests do to it

    def reset(self) -> None:
        """Presses the reset button."""
        self._restart("reset")

    def power_cut(self) -> None:
        """Takes the power away, and gives it back."""
        self._restart("power_cut")

    def cut_power_at_block_write(self, number: int) -> None:
        """Takes the power away in the middle of the number-th write to the flash from now on; littlefs only."""
        self.hardware.block_writes_left = number

    def vanish_access_point(self, name: str = "Home") -> AccessPoint:
        """Takes an access point away; open connections fall silent. Returns it, to be put back."""
        self.air.die()
        return self.hardware.access_points.pop(name)

    def return_access_point(self, point: AccessPoint, name: str = "Home") -> None:
        """Puts an access point back."""
        self.hardware.access_points[name] = point
        self.air.live()

    def type(self, data: bytes) -> None:
        """Types on the serial port, as a host would."""
        self._take(data)

    # The processor

    def _power_on(self, cause: str) -> None:
        self.hardware.power_on(cause)
        self.hardware.is_raw = self._is_raw
        self._is_ready = False
        self._waits_for_banner = self._is_raw
        self._shown = b""
        environment = {
            "DARVAZ_VIRTUAL_PORT": str(self._host.port),
            "DARVAZ_VIRTUAL_KEY": self._host.key,
            "DARVAZ_VIRTUAL_FLASH": str(self._flash.resolve()),
            "DARVAZ_VIRTUAL_IMAGE": str(self._image.resolve()) if self._image else "",
        }
        self._interpreter = Interpreter(environment, self._heap)
        asyncio.get_running_loop().add_reader(self._interpreter.terminal.fd, self._from_board)

    def _power_off(self) -> None:
        if self._interpreter is not None:
            asyncio.get_running_loop().remove_reader(self._interpreter.terminal.fd)
            self._interpreter.close()
            self._interpreter = None

    def _restart(self, cause: str) -> None:
        # Not from within a question of the stand-ins: its answer is the silence.
        self._restart_cause = cause
        self._wake.set()

    async def _look_after(self) -> None:
        while self._is_on:
            # wait_for would lose a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()
            self._wake.clear()
            if self.hardware.is_starving():
                self._restart_cause = "watchdog"
            interpreter = self._interpreter
            if self._restart_cause is not None:
                cause, self._restart_cause = self._restart_cause, None
                # After a reset nothing is left of the raw prompt.
                self._is_raw = False
                self._power_off()
                if cause == "soft_reset":
                    self._to_usb(_SOFT_REBOOT)
                self._power_on(cause)
            elif interpreter is not None and interpreter.code is not None:
                self._from_board()
                self._power_off()
                self._to_usb(_SOFT_REBOOT)
                self._power_on("soft_reset")

    # The bytes

    def _from_usb(self) -> None:
        self._take(self._usb.read())

    def _take(self, data: bytes) -> None:
        self._held = (self._held + data)[-HELD_BYTES_MAX:]
        self._let_through()

    def _let_through(self) -> None:
        while self._held and self._is_ready and self._interpreter is not None:
            at = self._held.find(_CTRL_C)
            if at == 0:
                self._held = self._held[1:]
                if not self._interpreter.interrupt():
                    self._interpreter.terminal.write(b"\x03")
                continue
            piece = self._held if at < 0 else self._held[:at]
            self._note_mode(piece)
            rest = self._interpreter.terminal.write(piece)
            self._held = rest + self._held[len(piece) :]
            if rest:
                asyncio.get_running_loop().call_later(_LOOK_S / 10, self._let_through)
                return

    def _note_mode(self, piece: bytes) -> None:
        for byte in piece:
            if byte == _CTRL_A:
                self._is_raw = True
            elif byte == _CTRL_B:
                self._is_raw = False

    def _from_board(self) -> None:
        if self._interpreter is None:
            return
        data = self._interpreter.terminal.read()
        if data:
            self._show(data)

    def _show(self, data: bytes) -> None:
        if not self._is_ready:
            # Nothing is let through in either direction before the board announces itself.
            before, found, data = (self._shown + data).partition(_READY)
            self._shown = before
            if not found:
                return
            self._is_ready = True
            if self._waits_for_banner and self._interpreter is not None:
                self._interpreter.terminal.write(bytes([_CTRL_A]))
            asyncio.get_running_loop().call_soon(self._let_through)
            data = before + data
            self._shown = b""
        if self._waits_for_banner:
            before, found, data = (self._shown + data).partition(_RAW_BANNER)
            self._shown = b"" if found else before
            if not found:
                return
            self._waits_for_banner = False
            data = found + data
        self._to_usb(data)

    def _to_usb(self, data: bytes) -> None:
        rest = self._usb.write(data)
        if rest:
            # Nobody reads: what is old is worth less than what is new.
            self._usb.forget_unread()
            self._usb.write(rest)
        self._said += data
        *lines, self._said = self._said.split(b"\n")
        self._said = self._said[-HELD_BYTES_MAX:]
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            self.lines.append(text)
            if self._on_line is not None:
                self._on_line(text)
