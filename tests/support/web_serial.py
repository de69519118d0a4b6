"""A stand-in for Web Serial in a page: `navigator.serial`, whose one port is a serial port of this machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import tty
from collections.abc import AsyncIterator

from playwright.async_api import Page

_READ_BYTES = 65_536
_SCRIPT = """
{
  const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const port = {
    readable: null,
    writable: null,
    async open() {
      await serialOpen();
      port.readable = new ReadableStream({
        async pull(controller) {
          const data = await serialRead();
          if (data) controller.enqueue(bytesOf(data));
          else controller.close();
        },
      });
      port.writable = new WritableStream({ write: (data) => serialWrite(btoa(String.fromCharCode(...data))) });
    },
    close: () => serialClose(),
    setSignals: async () => {},
    getInfo: () => ({}),
  };
  const serial = { requestPort: async () => port };
  Object.defineProperty(navigator, "serial", { value: serial, configurable: true });
}
"""


class _Port:
    """One serial port, as bytes that come and go."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        # What arrived; empty at the end.
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def open(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._file)
        asyncio.get_running_loop().add_reader(self._file, self._receive)

    async def read(self) -> str:
        return base64.b64encode(await self._arrived.get()).decode()

    async def write(self, data: str) -> None:
        waiting = memoryview(base64.b64decode(data))
        while waiting:
            try:
                waiting = waiting[os.write(self._file, waiting) :]
            except BlockingIOError:
                # The board reads in its own time, and tells nobody.
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        if self._file >= 0:
            asyncio.get_running_loop().remove_reader(self._file)
            os.close(self._file)
            self._file = -1
        self._arrived.put_nowait(b"")

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                data = os.read(self._file, _READ_BYTES)
            except OSError:
                data = b""
            if not data:
                asyncio.get_running_loop().remove_reader(self._file)
            self._arrived.put_nowait(data)


@contextlib.asynccontextmanager
async def web_serial(page: Page, path: str) -> AsyncIterator[None]:
    """Gives the pages that are opened in the block a serial port."""
    port = _Port(path)
    for name, function in (("Open", port.open), ("Read", port.read), ("Write", port.write), ("Close", port.close)):
        await page.expose_function(f"serial{name}", function)
    await page.add_init_script(_SCRIPT)
    try:
        yield
    finally:
        await port.close()
