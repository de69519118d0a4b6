"""Images of MicroPython that a gateway keeps in its data folder, for people who flash boards from the browser.

    python -m darvaz.boards.serial.kept_images DATA pico_w

downloads the published image of a board, if its checksum is known beforehand, and keeps it; the gateway runs this.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from darvaz.boards.serial.downloads import RELEASES, Progress, Release, download, unpack
from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.images import Image, check_image, read_image

FOLDER = "micropython"
CHIPS = {"pico_w": "RP2040", "pico_2_w": "RP2350", "esp32cam": "ESP32"}


def fetch_image(board: str, progress: Progress | None = None) -> Image:
    """Returns the published image of a board, as published; raises SerialError."""
    downloaded = download(RELEASES[board], progress)
    if not downloaded.is_checked:
        raise SerialError(
            Reason.DAMAGED,
            f"nobody publishes the checksum of {downloaded.name}: `darvaz firmware --for-browser {board}` fetches it,"
            " and shows its checksum for you to compare",
        )
    return _checked(board, read_image(downloaded.name, downloaded.data))


def load_image(board: str, file: Path | None, url: str | None, progress: Progress | None) -> tuple[Image, bool]:
    """Returns an image that a person chose, and whether its checksum was known beforehand; raises SerialError."""
    if file is not None:
        return _checked(board, read_image(file.name, unpack(file.name, file.read_bytes()))), False
    downloaded = download(Release(url) if url else RELEASES[board], progress)
    return _checked(board, read_image(downloaded.name, downloaded.data)), downloaded.is_checked


def keep_image(data: Path, board: str, image: Image) -> Path:
    """Keeps an image in the data folder, in place of the one of before; returns its path. Raises SerialError."""
    folder = data / FOLDER
    path = folder / f"{image.sha256}.image"
    about = {
        "board": board,
        "name": image.name,
        "machine": image.machine,
        "version": image.version,
        "chip": image.chip,
        "sha256": image.sha256,
        "size_bytes": len(image.data),
    }
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _replace(path, image.data)
        # Last, so that what it names is there.
        _replace(folder / f"{board}.json", json.dumps(about).encode())
        _remove_others(folder)
    except OSError as error:
        why = error.strerror or error
        raise SerialError(Reason.NO_FILE, f"the image cannot be kept in {folder}: {why}") from None
    return path


def _checked(board: str, image: Image) -> Image:
    check_image(image, CHIPS[board])
    return image


def _replace(path: Path, data: bytes) -> None:
    part = path.with_suffix(f".part-{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _remove_others(folder: Path) -> None:
    """Removes the images that no board has any more."""
    named = set()
    for about in folder.glob("*.json"):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            named.add(json.loads(about.read_text(encoding="utf-8"))["sha256"])
    for image in folder.glob("*.image"):
        if image.stem not in named:
            image.unlink(missing_ok=True)


def main() -> None:
    """Fetches and keeps one image."""
    data, board = Path(sys.argv[1]), sys.argv[2]
    try:
        keep_image(data, board, fetch_image(board))
    except SerialError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
