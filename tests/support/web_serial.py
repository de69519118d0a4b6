"""A stand-in for Web Serial in a page: `navigator.serial`, whose one port is a serial port of this machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Callable
from typing import Any

from playwright.async_api import Page

RASPBERRY_PI = 0x2E8A
_READ_BYTES = 65_536
_SCRIPT = """
{
  const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const port = {
    readable: null,
    writable: null,
    async open({ baudRate }) {
      const number = await serialOpen(baudRate);
      port.readable = new ReadableStream({
        async pull(controller) {
          const data = await serialRead(number);
          if (data) controller.enqueue(bytesOf(data));
          else controller.close();
        },
      });
      port.writable = new WritableStream({
        write: (data) => serialWrite(btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))),
      });
    },
    close: () => serialClose(),
    setSignals: ({ dataTerminalReady, requestToSend }) => serialSignal(dataTerminalReady, requestToSend),
    getInfo: () => ({ usbVendorId: VENDOR }),
  };
  const serial = { requestPort: async () => port, getPorts: async () => ((await serialIsThere()) ? [port] : []) };
  Object.defineProperty(navigator, "serial", { value: serial, configurable: true });
}
"""


class StandInPort:
    """One serial port, as bytes that come and go; `path` may change while it is closed, "" where nothing is."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.speeds: list[int] = []
        """With which it was opened."""
        self.signals: list[tuple[bool, bool]] = []
        """The states of DTR and RTS."""
        self.on_open: Callable[[], None] = lambda: None
        self.is_deaf = False
        """Whether what is written is lost."""
        self._file = -1
        # What arrived since each opening; empty at the end.
        self._arrived: list[asyncio.Queue[bytes]] = []

    async def open(self, baud: int) -> int:
        self.on_open()
        file = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(file)
        self._file = file
        self.speeds.append(baud)
        self._arrived.append(asyncio.Queue())
        asyncio.get_running_loop().add_reader(file, self._receive)
        return len(self._arrived) - 1

    async def read(self, number: int) -> str:
        return base64.b64encode(await self._arrived[number].get()).decode()

    async def write(self, data: str) -> None:
        waiting = memoryview(base64.b64decode(data))
        while waiting and not self.is_deaf:
            try:
                waiting = waiting[os.write(self._file, waiting) :]
            except BlockingIOError:
                # The board reads in its own time, and tells nobody.
                await asyncio.sleep(0.01)

    async def signal(self, data_terminal_ready: bool, request_to_send: bool) -> None:
        self.signals.append((data_terminal_ready, request_to_send))

    async def close(self) -> None:
        if self._file >= 0:
            asyncio.get_running_loop().remove_reader(self._file)
            os.close(self._file)
            self._file = -1
            self._arrived[-1].put_nowait(b"")

    @property
    def is_closed(self) -> bool:
        return self._file < 0

    def is_there(self) -> bool:
        return os.path.exists(self.path)

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                data = os.read(self._file, _READ_BYTES)
            except OSError:
                data = b""
            if not data:
                asyncio.get_running_loop().remove_reader(self._file)
            self._arrived[-1].put_nowait(data)


@contextlib.asynccontextmanager
async def web_serial(page: Page, path: str, vendor: int = 0) -> AsyncIterator[StandInPort]:
    """Gives the pages that are opened in the block a serial port, of a chip of this vendor."""
    port = StandInPort(path)
    functions: dict[str, Callable[..., Any]] = {"Open": port.open, "Read": port.read, "Write": port.write}
    functions |= {"Close": port.close, "Signal": port.signal, "IsThere": port.is_there}
    for name, function in functions.items():
        await page.expose_function(f"serial{name}", function)
    await page.add_init_script(_SCRIPT.replace("VENDOR", str(vendor)))
    try:
        yield port
    finally:
        await port.close()
