"""A virtual board: its port looks like USB to mpremote, its processor is MicroPython, its hardware is simulated."""

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

# What a Pico W has, twice for words of 64 bits; a camera board has 4 MB, mostly for its frames.
HEAPS = {"pico": "384k", "esp32cam": "4M"}
FLASH_BYTES = 4096 * 212
_SOFT_REBOOT = b"MPY: soft reboot\r\n"
_LOOK_S = 0.02
_UNIQUE_ID_BYTES = {"pico": 8, "esp32cam": 6}


class VirtualBoard:
    """One board; `port` is what to give to mpremote, `hardware` and `air` what to steer it with.

    `flash` is the folder that is its file system; with `image` the file system is littlefs, in that file.
    `on_line(text)` is called for each line that the board prints; `name` is written into a camera's pictures.
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
        self._console = Console(on_line)
        self._flash = flash
        self._image = image
        self._heap = heap or HEAPS[kind]
        self._interpreter: Interpreter | None = None
        self._task: asyncio.Task[None] | None = None
        self._restart_cause: str | None = None
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
        """The number of the process that is the board's processor; None while it has no power."""
        return self._interpreter.pid if self._interpreter is not None else None

    async def __aenter__(self) -> VirtualBoard:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Gives the board its power and plugs it in; a board that cannot start leaves nothing behind."""
        try:
            self._make_flash()
            if self.hardware.kind == "esp32cam":
                load_pillow()
            await self._host.open()
            self.plug_in()
            self._task = asyncio.create_task(self._look_after())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Takes the power away and leaves nothing behind but the flash."""
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
        """Takes the power away, and gives it back."""
        self._restart("power_cut")

    def unplug(self) -> None:
        """Pulls the USB plug: the board loses its power, and the host its port."""
        self._restart_cause = None
        self.network.abandon()
        self._power_off()
        self._console.unplug()

    def plug_in(self) -> None:
        """Puts the USB plug in again: the board starts, at a new `port`."""
        if not self.port:
            self._console.plug_in()
            self._console.is_raw = False
            self._power_on("power_on")

    def cut_power_at_block_write(self, number: int) -> None:
        """Takes the power away in the middle of a write or erasure of a block of the flash; littlefs only.

        The next one is number 0.
        """
        self.hardware.block_writes_left = number

    def vanish_access_point(self, name: str = "Home") -> AccessPoint:
        """Takes an access point away; open connections fall silent. Returns it, to be put back."""
        self.network.disconnect()
        return self.hardware.access_points.pop(name)

    def return_access_point(self, point: AccessPoint, name: str = "Home") -> None:
        """Puts an access point back."""
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

    def _power_off(self) -> None:
        if self._interpreter is not None:
            self._interpreter.kill()
            self._console.detach()
            self._interpreter.close()
            self._interpreter = None

    def _restart(self, cause: str) -> None:
        # Not from within a question of the stand-ins: its answer is the silence.
        self._restart_cause = cause
        self._wake.set()

    async def _look_after(self) -> None:
        while True:
            # wait_for would lose a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
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

    def _start_again(self, cause: str) -> None:
        is_soft = cause == "soft_reset"
        if not is_soft:
            # Of the raw prompt nothing is left, and nobody tells the other ends of the connections.
            self._console.is_raw = False
            self.network.abandon()
        self._power_off()
        if is_soft:
            self._console.say(_SOFT_REBOOT)
        self._power_on(cause)
