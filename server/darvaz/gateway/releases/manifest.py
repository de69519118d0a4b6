"""What a board is told about an update: the manifest of its files, and the header that is signed for one board."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

FILES_MAX = 500
RELEASE_BYTES_MAX = 1_500_000
# The board's own maximum, in bytes.
MANIFEST_BYTES_MAX = 65_536
PATH_CHARS_MAX = 96
MAIN = "main.py"
# Of the loader and of the board; also as .mpy, and in lib.
_RESERVED = ("boot", "program", "darvaz_loader", "config")
_PATH = re.compile(r"[A-Za-z0-9_.\- /]+")


class ReleaseError(ValueError):
    """A folder cannot be a release; the text says why."""


class ReleaseFile(msgspec.Struct, frozen=True):
    """One file of a release: its path on the board without the first slash, its size and its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SignedUpdate:
    """A release for one board: the header with its code, the manifest, and the SHA-256 of each file in its order."""

    header: str
    mac: str
    manifest: bytes
    files: Sequence[ReleaseFile]


def make_files(contents: Mapping[str, bytes]) -> list[ReleaseFile]:
    """Returns the files of a release in the order of the manifest; raises `ReleaseError` for what no board takes."""
    for path in contents:
        check_path(path)
    if MAIN not in contents:
        raise ReleaseError(f"a release needs a {MAIN}: it is the program")
    if len(contents) > FILES_MAX:
        raise ReleaseError(f"a release has at most {FILES_MAX} files, this one {len(contents)}")
    size_bytes = sum(map(len, contents.values()))
    if size_bytes > RELEASE_BYTES_MAX:
        raise ReleaseError(f"a release has at most {RELEASE_BYTES_MAX} bytes, this one {size_bytes}")
    files = [ReleaseFile(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in sorted(contents.items())]
    if len(dump_manifest(files)) > MANIFEST_BYTES_MAX:
        raise ReleaseError("the paths of this release are too long together: shorten the names of its folders")
    return files


def check_path(path: str) -> None:
    """Raises `ReleaseError` for a path that a board would refuse."""
    names = path.split("/")
    stem = names[-1].split(".")[0]
    is_reserved = stem in _RESERVED and (len(names) == 1 or names[:-1] == ["lib"])
    is_odd = any(name in ("", ".", "..") for name in names) or names[0].startswith(".") or path.endswith(".part")
    if len(path) > PATH_CHARS_MAX or not _PATH.fullmatch(path) or is_odd or is_reserved:
        raise ReleaseError(f"a release must not write {path[:PATH_CHARS_MAX]!r}: rename it, or leave it out")


def dump_manifest(files: Sequence[ReleaseFile]) -> bytes:
    """Returns the manifest: a line of SHA-256, size and path for each file."""
    return "".join(f"{file.sha256} {file.size} {file.path}\n" for file in files).encode()


def owner_text(files: Sequence[ReleaseFile], signed_s: int) -> bytes:
    """Returns what the owner of a board signs of a release, at a Unix time in seconds."""
    return f"darvaz release {hashlib.sha256(dump_manifest(files)).hexdigest()} {signed_s}".encode()


def sign(
    key: bytes,
    files: Sequence[ReleaseFile],
    *,
    counter: int,
    release: str,
    device: str,
    kind: str,
    is_once: bool,
    least_micropython: str = "",
    signature: str = "",
    signed_s: int = 0,
) -> SignedUpdate:
    """Returns a release with the HMAC-SHA256 by the key of its board, and the signature of its owner, if there is one.

    The signature is Ed25519 of `owner_text`, in hexadecimal digits.
    """
    manifest = dump_manifest(files)
    fields = {
        "counter": counter,
        "release": release,
        "device": device,
        "kind": kind,
        "bytes": len(manifest),
        "manifest": hashlib.sha256(manifest).hexdigest(),
    }
    if is_once:
        fields["once"] = True
    if least_micropython:
        fields["least"] = least_micropython
    if signature:
        fields |= {"signed": signed_s, "signature": signature}
    header = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    mac = hmac.new(key, header.encode(), "sha256").hexdigest()
    return SignedUpdate(header, mac, manifest, files)
