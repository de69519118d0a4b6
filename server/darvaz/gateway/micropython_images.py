"""The images of MicroPython in the data folder, which a browser writes to boards; a process fetches and checks them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from darvaz.gateway.module_process import run_module

ImageBoard = Literal["pico_w", "pico_2_w", "esp32cam"]
FOLDER = "micropython"
FETCH_DEADLINE_S = 300.0
# An image has 16 MiB at most; `boards.serial.images` refuses a larger one.
IMAGE_BYTES_MAX = 16 * 1024 * 1024
_ABOUT_BYTES_MAX = 4_096
_MODULE = "darvaz.boards.serial.kept_images"


class MicropythonImage(msgspec.Struct):
    """An image that the gateway has."""

    board: ImageBoard
    name: Annotated[str, Meta(description="Of the file, as it was published.")]
    machine: Annotated[str, Meta(description="Of which board it calls itself the image; may be empty.")]
    version: Annotated[str, Meta(description="Of MicroPython; may be empty.")]
    chip: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Meta(ge=1, le=IMAGE_BYTES_MAX)]


class ImageError(Exception):
    """An image cannot be had; the text says why."""


class MicropythonImages:
    """Finds kept images, and has them fetched, one after the other. Used from the event loop only."""

    def __init__(self, data: Path, module: str = _MODULE, deadline_s: float = FETCH_DEADLINE_S) -> None:
        self._data = data
        self._module = module
        self._deadline_s = deadline_s
        self._turn = asyncio.Lock()

    async def read_all(self) -> list[MicropythonImage]:
        """Returns the images that are there, by board."""
        return await asyncio.to_thread(self._read_all)

    async def find(self, board: str) -> tuple[MicropythonImage, Path] | None:
        """Returns the image of a board and where it is; None if there is none."""
        for image in await self.read_all():
            if image.board == board:
                return image, self._path(image)
        return None

    async def fetch(self, board: str) -> MicropythonImage:
        """Downloads the published image of a board, and keeps it; raises `ImageError`."""
        async with self._turn:
            try:
                end = await run_module(self._module, str(self._data), board, deadline_s=self._deadline_s)
            except TimeoutError:
                raise ImageError(f"the image did not arrive in {self._deadline_s:g} s; try again") from None
            except OSError as error:
                raise ImageError(f"no image can be fetched here: {error.strerror}") from None
            found = await self.find(board)
        if end.code or found is None:
            raise ImageError(end.reason or "the image was fetched, and is not there")
        return found[0]

    def _read_all(self) -> list[MicropythonImage]:
        found = [self._read(path) for path in sorted((self._data / FOLDER).glob("*.json"))]
        return [image for image in found if image is not None]

    def _read(self, path: Path) -> MicropythonImage | None:
        """Returns what a file describes; None if it is damaged, or its image is not there in full."""
        try:
            with path.open("rb") as file:
                image = msgspec.json.decode(file.read(_ABOUT_BYTES_MAX), type=MicropythonImage)
            is_whole = self._path(image).stat().st_size == image.size_bytes and path.stem == image.board
        except (OSError, msgspec.DecodeError):
            return None
        return image if is_whole else None

    def _path(self, image: MicropythonImage) -> Path:
        return self._data / FOLDER / f"{image.sha256}.image"
