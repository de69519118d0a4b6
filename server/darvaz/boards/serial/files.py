"""Files of a board, through its raw prompt: read, hashed, and written so that a power cut leaves the old or the new."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from darvaz.boards.serial.answers import Size, damaged, parse_answer, parse_lines
from darvaz.boards.serial.errors import Reason, SerialError

CHUNK_BYTES = 1024
FILE_BYTES_MAX = 4 * 1024 * 1024
# A board has the memory for a list of this many names.
NAMES_AT_ONCE = 16
TEMPORARY = ".darvaz-new"
# A step writes one or two blocks of flash; reading and hashing may go through all of it.
_STEP_DEADLINE_S = 15.0
_FILE_DEADLINE_S = 60.0
# What the other pieces of code use, sent once: at 115,200 baud it takes as long as a file of 1 KB. FAT, not littlefs,
# refuses to rename over a file.
_HELPERS = """
import os, hashlib, binascii
def _digest(path):
    h = hashlib.sha256()
    b = bytearray(512)
    v = memoryview(b)
    with open(path, 'rb') as f:
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(v[:n])
    return binascii.hexlify(h.digest()).decode()
def _open(path):
    global _f
    at = path.find('/', 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as e:
            if e.errno != 17:
                raise
        at = path.find('/', at + 1)
    _f = open(path, 'wb')
def _w(data):
    _f.write(binascii.a2b_base64(data))
def _rename(old, new):
    try:
        os.rename(old, new)
    except OSError as e:
        if e.errno != 17:
            raise
        os.remove(new)
        os.rename(old, new)
def _close(old, new, digest):
    _f.close()
    found = _digest(old)
    if found == digest:
        _rename(old, new)
    print(found)
"""
_HASH_ALL = """
import json
for _path in {paths}:
    try:
        print(json.dumps([_path, _digest(_path)]))
    except OSError:
        pass
"""
# What is mounted elsewhere, such as a card, is not the board's own: before MicroPython 1.25 `vfs.mount()` does not list
# it, but its blocks are others. Names as bytes: one that is not UTF-8 is a UnicodeError as a text.
_OWN = """
import os
def _mounted():
    try:
        import vfs
        return [m[1] for m in vfs.mount()]
    except (ImportError, TypeError):
        return []
_mounts, _root = _mounted(), os.statvfs('/')[:3]
def _is_own(path):
    return path == '/' or path not in _mounts and (_mounts or os.statvfs(path)[:3] == _root)
"""
_LIST = (
    _OWN
    + """
import json
def _text(name):
    try:
        return str(name, 'utf-8'), False
    except UnicodeError:
        return ''.join(chr(b) if 32 <= b < 127 and b != 92 else '\\\\x%02x' % b for b in name), True
def _walk(folder):
    for entry in os.ilistdir(folder.encode()):
        name, is_odd = _text(entry[0])
        is_folder = entry[1] & 0x4000 != 0
        path = folder.rstrip('/') + '/' + name
        if is_folder and not is_odd and not _is_own(path):
            continue
        size = 0 if is_folder or is_odd else entry[3] if len(entry) > 3 else os.stat(path)[6]
        print(json.dumps([path, size, is_folder, is_odd]))
        if is_folder and not is_odd:
            _walk(path)
_walk({folder!r})
"""
)
_READ = """
import binascii
with open({path!r}, 'rb') as _f:
    while True:
        _b = _f.read(768)
        if not _b:
            break
        print(binascii.b2a_base64(_b).decode(), end='')
"""
# A folder with a name that is not UTF-8 in it stays, and so does what is mounted below it.
_REMOVE = (
    _OWN
    + """
def _remove(path):
    if os.stat(path)[0] & 0x4000:
        if not _is_own(path):
            return False
        is_empty = True
        for entry in os.ilistdir(path.encode()):
            try:
                is_empty = _remove(path.rstrip('/') + '/' + str(entry[0], 'utf-8')) and is_empty
            except UnicodeError:
                is_empty = False
        if is_empty:
            os.rmdir(path)
        return is_empty
    os.remove(path)
    return True
_remove({path!r})
"""
)
_FREE = "import os\n_s = os.statvfs('/')\nprint(_s[1] * _s[3])"

# Path, size, whether it is a folder, whether its name is not UTF-8.
_ENTRY = msgspec.json.Decoder(tuple[str, Size, bool, bool])
_PATH_AND_HASH = msgspec.json.Decoder(tuple[str, str])
_SIZE = msgspec.json.Decoder(Size)

Run = Callable[[str, float], str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or folder of a board, by its full path; the name of one `is_odd` is not UTF-8, and shown with escapes."""

    path: str
    size_bytes: int
    is_folder: bool = False
    is_odd: bool = False


class Files:
    """The file system of the board that `run(code, deadline_s)` runs code on."""

    def __init__(self, run: Run) -> None:
        self._run_code = run
        # Whether the board has `_HELPERS`.
        self._has_helpers = False

    def read_file(self, path: str) -> bytes:
        """Returns the content of a file."""
        try:
            return binascii.a2b_base64("".join(self._run(_READ.format(path=path), _FILE_DEADLINE_S).split()))
        except ValueError:
            raise damaged() from None

    def write_file(self, path: str, data: bytes, progress: Progress | None = None) -> None:
        """Writes a file, and its folders; `progress(done_bytes, all_bytes)` is called after each chunk.

        The old file stays as it is until the end; if anything fails, nothing of the new one is left.
        """
        if len(data) > FILE_BYTES_MAX:
            raise SerialError(Reason.NO_SPACE, f"{path} has {len(data)} bytes: too large for any board")
        temporary = path + TEMPORARY
        try:
            self._write_temporary(path, temporary, data, progress)
        except BaseException:
            # Also after Ctrl-C. On a board that is gone it stays, and the next write replaces it.
            with contextlib.suppress(SerialError):
                self.discard(temporary)
            raise

    def discard(self, path: str) -> None:
        """Closes and removes an unfinished file."""
        self._run(f"try:\n    _f.close()\nexcept (NameError, OSError):\n    pass\nimport os\nos.remove({path!r})")

    def _write_temporary(self, path: str, temporary: str, data: bytes, progress: Progress | None) -> None:
        self._send_helpers()
        digest = hashlib.sha256(data).hexdigest()
        last = max(len(data) - 1, 0) // CHUNK_BYTES * CHUNK_BYTES
        for at in range(0, last + 1, CHUNK_BYTES):
            chunk = data[at : at + CHUNK_BYTES]
            # All that a small file needs is one piece of code: each is a turn to the board and back.
            code = f"_open({temporary!r})\n" if at == 0 else ""
            code += f"_w({base64.b64encode(chunk).decode()!r})"
            if at < last:
                self._run(code)
            else:
                there = self._run(f"{code}\n_close({temporary!r}, {path!r}, {digest!r})", _FILE_DEADLINE_S).strip()
            if progress is not None and chunk:
                progress(at + len(chunk), len(data))
        if there != digest:
            raise SerialError(
                Reason.DAMAGED, f"{path} was damaged on its way to the board: try another cable, and run this again"
            )

    def rename(self, old: str, new: str) -> None:
        """Renames a file; a file with the new name is replaced."""
        self._send_helpers()
        self._run(f"_rename({old!r}, {new!r})")

    def hash_files(self, paths: Sequence[str]) -> dict[str, str]:
        """Returns the SHA-256 in hex of each file that exists."""
        hashes: dict[str, str] = {}
        for at in range(0, len(paths), NAMES_AT_ONCE):
            names = repr(list(paths[at : at + NAMES_AT_ONCE]))
            self._send_helpers()
            output = self._run(_HASH_ALL.format(paths=names), _FILE_DEADLINE_S)
            hashes.update(parse_lines(output, _PATH_AND_HASH))
        return hashes

    def list_files(self, folder: str = "/") -> list[FileEntry]:
        """Returns all files and folders of the board's own file system below a folder, in the order of their paths."""
        found = parse_lines(self._run(_LIST.format(folder=folder), _FILE_DEADLINE_S), _ENTRY)
        return sorted((FileEntry(*entry) for entry in found), key=lambda entry: entry.path)

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of this path."""
        code = f"import os\ntry:\n    print(os.stat({path!r})[0] & 0x4000)\nexcept OSError:\n    print(0)"
        return self._run(code).strip() not in ("", "0")

    def remove(self, path: str) -> None:
        """Removes a file, or a folder with its content."""
        self._run(_REMOVE.format(path=path))

    def free_bytes(self) -> int:
        """Returns the free space of the file system."""
        return parse_answer(self._run(_FREE), _SIZE)

    def forget_helpers(self) -> None:
        """Sends the helpers again before they are used: the board may have restarted."""
        self._has_helpers = False

    def _send_helpers(self) -> None:
        if not self._has_helpers:
            self._run(_HELPERS)
            self._has_helpers = True

    def _run(self, code: str, deadline_s: float = _STEP_DEADLINE_S) -> str:
        return self._run_code(code, deadline_s)
