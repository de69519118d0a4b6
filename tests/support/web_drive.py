"""A stand-in for the drive of a Pico's bootloader in a page: a folder of the browser's own file system."""

from __future__ import annotations

import base64

from playwright.async_api import Page

_PICK = """
() => {
  window.showDirectoryPicker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle("drive");
}
"""
_INSERT = """
async (info) => {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry("drive", { recursive: true }).catch(() => {});
  const drive = await root.getDirectoryHandle("drive", { create: true });
  if (!info) return;
  const file = await (await drive.getFileHandle("INFO_UF2.TXT", { create: true })).createWritable();
  await file.write(info);
  await file.close();
}
"""
_TAKE = """
async (bytes) => {
  const drive = await (await navigator.storage.getDirectory()).getDirectoryHandle("drive");
  for (;;) {
    const file = await drive.getFileHandle("firmware.uf2").then((handle) => handle.getFile(), () => null);
    if (file?.size === bytes) {
      const data = new Uint8Array(await file.arrayBuffer());
      await drive.removeEntry("INFO_UF2.TXT");
      return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
"""
_NAMES = """
async () => {
  const drive = await (await navigator.storage.getDirectory()).getDirectoryHandle("drive");
  return Array.fromAsync(drive.keys());
}
"""
_INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: {}\r\n"


class Drive:
    """The folder that the page is given when it asks for one."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def insert(self, board: str | None) -> None:
        """Makes it the drive of a board; None leaves an empty folder."""
        await self._page.evaluate(_PICK)
        await self._page.evaluate(_INSERT, None if board is None else _INFO.format(board))

    async def take(self, size_bytes: int) -> bytes:
        """Acts like a Pico that has received the last block: its drive is gone. Returns what it received."""
        return base64.b64decode(await self._page.evaluate(_TAKE, size_bytes))

    async def names(self) -> list[str]:
        """Returns the names of the files on it."""
        return sorted(await self._page.evaluate(_NAMES))
