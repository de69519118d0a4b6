"""Downloads images of MicroPython: one release per board, with its checksum."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.images import IMAGE_BYTES_MAX

_STEP_DEADLINE_S = 30.0
_LIST_BYTES_MAX = 4 * 1024 * 1024
_MICROPYTHON = "https://micropython.org/resources/firmware/"
_CAMERA = "https://api.github.com/repos/cnadler86/micropython-camera-API/releases/tags/v0.6.2"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Release:
    """An image to download; `sha256` is empty where no trusted source publishes it.

    With `asset`, `url` is a release of GitHub's API, and the file is the one with that text in its name.
    """

    url: str
    sha256: str = ""
    asset: str = ""


RELEASES = {
    "pico_w": Release(
        _MICROPYTHON + "RPI_PICO_W-20260824-v1.29.0.uf2",
        "f918c0a082c6daf53e27998b7f990ba5f065db2e298b21a34024532a20786794",
    ),
    "pico_2_w": Release(_MICROPYTHON + "RPI_PICO2_W-20260824-v1.29.0.uf2"),
    "esp32cam": Release(_CAMERA, asset="AI_THINKER"),
}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A downloaded file; `is_checked` says whether its checksum was known beforehand."""

    name: str
    data: bytes
    sha256: str
    is_checked: bool


def download(release: Release, progress: Progress | None = None) -> Downloaded:
    """Downloads an image and unpacks it if it is in an archive; raises SerialError."""
    try:
        with httpx.Client(timeout=_STEP_DEADLINE_S, follow_redirects=True) as client:
            url, expected = _find_asset(client, release) if release.asset else (release.url, release.sha256)
            data = _fetch(client, url, IMAGE_BYTES_MAX, progress)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Some texts of the library have a second line, with an address to read more at.
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise SerialError(
            Reason.NO_FILE,
            f"the image could not be downloaded ({why}): check the network,"
            " or download it elsewhere and give it with --file",
        ) from None
    sha256 = hashlib.sha256(data).hexdigest()
    if expected and sha256 != expected:
        raise SerialError(
            Reason.DAMAGED,
            f"the downloaded file is not the published one (SHA-256 {sha256}, expected {expected}):"
            " try again; if that does not help, do not use it",
        )
    name = url.rsplit("/", 1)[-1]
    return Downloaded(name, unpack(name, data), sha256, bool(expected))


def unpack(name: str, data: bytes) -> bytes:
    """Returns the image in an archive; data that is not an archive is returned as it is."""
    if data[:4] != b"PK\x03\x04":
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.filename.endswith((".bin", ".uf2")) and member.file_size <= IMAGE_BYTES_MAX:
                    return archive.read(member)
    except zipfile.BadZipFile:
        raise SerialError(Reason.DAMAGED, f"{name} is a damaged archive: download it again") from None
    raise SerialError(Reason.WRONG_IMAGE, f"{name} does not contain an image for a board")


def _find_asset(client: httpx.Client, release: Release) -> tuple[str, str]:
    """Returns the address of a release's file, and its checksum if GitHub has one."""
    answer = client.get(release.url)
    answer.raise_for_status()
    assets: list[dict[str, Any]] = answer.json().get("assets", []) if len(answer.content) < _LIST_BYTES_MAX else []
    for asset in assets:
        if release.asset in asset.get("name", ""):
            return asset["browser_download_url"], (asset.get("digest") or "").removeprefix("sha256:")
    raise SerialError(
        Reason.NO_FILE,
        f"the release at {release.url} has no file for {release.asset}: download it and give it with --file",
    )


def _fetch(client: httpx.Client, url: str, most_bytes: int, progress: Progress | None) -> bytes:
    data = bytearray()
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        size_bytes = int(answer.headers.get("content-length", 0))
        for piece in answer.iter_bytes():
            data += piece
            if len(data) > most_bytes:
                raise SerialError(Reason.WRONG_IMAGE, f"{url} is too large for an image of a board")
            if progress is not None:
                progress(len(data), size_bytes)
    return bytes(data)
