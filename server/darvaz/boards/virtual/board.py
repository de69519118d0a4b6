"""A virtual board: a terminal for its USB port, MicroPython in a process, and simulated hardware."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from darvaz.boards.virtual.console import Console
from darvaz.boards.virtual.hardware import AccessPoint, Hardware
from darvaz.boards.virtual.host import Host
from darvaz.boards.virtual.interpreter import Interpreter
from darvaz.boards.virtual.network import Network
from darvaz.boards.virtual.pictures import load_pillow

# Twice the heap of a Pico W, for words of 64 bits; a camera board has 4 MB, mostly for its frames.
HEAPS = {"pico": "384k", "esp32cam": "4M"}
FLASH_BYTES = 4096 * 212
_SOFT_REBOOT = b"MPY: soft reboot\r\n"
# How long the board waits to look for what wakes nobody: a watchdog that has begun, or the end of MicroPython where the
# system does not tell of it. A watchdog that runs is looked at when it is due.
_LOOK_S, _SHORT_LOOK_S = 0.2, 0.02
_UNIQUE_ID_BYTES = {"pico": 8, "esp32cam": 6}


class VirtualBoard:
    """One board: `port` is its serial port; people and tests change `hardware` and `network`.

    The folder `flash` is its file system; with `image` the file system is littlefs, in that file. `on_line(text)` is
    called for each line that the board prints; `name` is drawn into the frames of a camera.
    """

    def __init__(
        self,
        kind: str,
        flash: Path,
        *,
        unique_id: str | None = None,
        name: str | None = None,
        heap: str | None = None,
        image: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.network = Network()
        unique_id = unique_id or secrets.token_hex(_UNIQUE_ID_BYTES[kind])
        self.hardware = Hardware(kind, unique_id, time.monotonic, self.network.route, self._restart, name or unique_id)
        self._host = Host(self.hardware)
        self._console = self.hardware.terminal = Console(on_line)
        self._flash = flash
        self._image = image
        self._heap = heap or HEAPS[kind]
        # The process of MicroPython; None without power.
        self._interpreter: Interpreter | None = None
        # Restarts the board where that is due, from `start` to `stop`.
        self._task: asyncio.Task[None] | None = None
        # Why a restart is due, as `Hardware.reset_cause`; None: none is due.
        self._restart_cause: str | None = None
        # Set by a restart that is due, so that the task does not wait for its next turn.
        self._wake = asyncio.Event()

    @property
    def port(self) -> str:
        """The path of the serial port; empty while the board is off or unplugged."""
        return self._console.port

    @property
    def lines(self) -> deque[str]:
        """The last lines that the board printed."""
        return self._console.lines

    @property
    def pid(self) -> int | None:
        """The process id of MicroPython; None while the board has no power."""
        return self._interpreter.pid if self._interpreter is not None else None

    async def __aenter__(self) -> VirtualBoard:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Plugs the board in; if it cannot start, everything is closed again."""
        try:
            self._make_flash()
            if self.hardware.kind == "esp32cam":
                load_pillow()
            await self._host.open()
            self.plug_in()
            self._task = asyncio.create_task(self._run_restarts())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Turns the power off and closes everything; the flash stays."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._power_off()
        self._console.unplug()
        await self._host.close()
        await self.network.close()

    # What people and tests do to it

    def reset(self) -> None:
        """Presses the reset button."""
        self._restart("reset")

    def power_cut(self) -> None:
        """Turns the power off and on."""
        self._restart("power_cut")

    def unplug(self) -> None:
        """Unplugs USB: the board loses its power, and the host its port."""
        self._restart_cause = None
        self.network.abandon()
        self._power_off()
        self._console.unplug()

    def plug_in(self) -> None:
        """Plugs USB in again: the board starts, with a new `port`."""
        if not self.port:
            self._console.plug_in()
            self._console.is_raw = False
            self._power_on("power_on")

    def cut_power_at_block_write(self, number: int) -> None:
        """Turns the power off and on in the middle of a write or erasure of a block of the flash; littlefs only.

        Number 0 is the next one.
        """
        self.hardware.block_writes_left = number

    def remove_access_point(self, name: str = "Home") -> AccessPoint:
        """Removes an access point; open connections fall silent. Returns it for `restore_access_point`."""
        self.network.disconnect()
        return self.hardware.access_points.pop(name)

    def restore_access_point(self, point: AccessPoint, name: str = "Home") -> None:
        """Adds an access point that was removed."""
        self.hardware.access_points[name] = point
        self.network.reconnect()

    def type(self, data: bytes) -> None:
        """Types on the serial port, as a host would."""
        self._console.take(data)

    # The processor

    def _make_flash(self) -> None:
        self._flash.mkdir(parents=True, exist_ok=True)
        if self._image is not None and not self._image.exists():
            self._image.write_bytes(b"\xff" * FLASH_BYTES)

    def _power_on(self, cause: str) -> None:
        self.hardware.power_on(cause)
        self.hardware.is_raw = self._console.is_raw
        environment = {
            "DARVAZ_VIRTUAL_PORT": str(self._host.port),
            "DARVAZ_VIRTUAL_KEY": self._host.key,
            "DARVAZ_VIRTUAL_FLASH": str(self._flash.resolve()),
            "DARVAZ_VIRTUAL_IMAGE": str(self._image.resolve()) if self._image else "",
        }
        self._interpreter = Interpreter(environment, self._heap)
        self._console.attach(self._interpreter)
        if self._interpreter.end_fd is not None:
            asyncio.get_running_loop().add_reader(self._interpreter.end_fd, self._note_end)

    def _note_end(self) -> None:
        self._stop_watching_end()
        self._wake.set()

    def _stop_watching_end(self) -> None:
        if self._interpreter is not None and self._interpreter.end_fd is not None:
            asyncio.get_running_loop().remove_reader(self._interpreter.end_fd)

    def _power_off(self) -> None:
        if self._interpreter is not None:
            self._stop_watching_end()
            self._interpreter.kill()
            self._console.detach()
            self._interpreter.close()
            self._interpreter = None

    def _restart(self, cause: str) -> None:
        # By the task: the request of the stub that asked for it is not answered.
        self._restart_cause = cause
        self._wake.set()

    async def _run_restarts(self) -> None:
        while True:
            # asyncio.wait_for may lose a cancellation at the moment of the event (CPython issue 86296).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._next_look_s()):
                    await self._wake.wait()
            self._wake.clear()
            if self._interpreter is None:
                continue
            if self.hardware.is_starving():
                self._restart_cause = "watchdog"
            cause, self._restart_cause = self._restart_cause, None
            if cause is None and self._interpreter.code is not None:
                cause = "soft_reset"
            if cause is not None:
                self._start_again(cause)

    def _next_look_s(self) -> float:
        if self._interpreter is not None and self._interpreter.end_fd is None:
            return _SHORT_LOOK_S
        left_s = self.hardware.starves_in_s()
        return _LOOK_S if left_s is None else max(left_s, _SHORT_LOOK_S)

    def _start_again(self, cause: str) -> None:
        is_soft = cause == "soft_reset"
        if not is_soft:
            # A hard reset ends the raw prompt, and does not close connections.
            self._console.is_raw = False
            self.network.abandon()
        self._power_off()
        if is_soft:
            self._console.show(_SOFT_REBOOT)
        self._power_on(cause)
