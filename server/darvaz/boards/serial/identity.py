"""Says what a board is, from what its MicroPython tells at the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darvaz.boards.serial.prompt import Prompt

# A virtual board's `machine` says what it plays; of a real one, nothing is played.
_ASK = """
import sys, binascii
def _ask():
    import machine, os
    i = sys.implementation
    played = getattr(machine, 'VIRTUAL', {})
    says = {
        'implementation': i.name,
        'version': list(played.get('version') or i.version[:3]),
        'platform': sys.platform,
        'machine': played.get('machine') or getattr(i, '_machine', ''),
        'mpy': getattr(i, '_mpy', 0),
        'played': played.get('kind'),
        'modules': [],
        'filesystem': '',
    }
    for name in ('camera', 'network', 'hashlib', 'asyncio'):
        try:
            __import__(name)
            says['modules'].append(name)
        except ImportError:
            pass
    try:
        says['unique_id'] = binascii.hexlify(machine.unique_id()).decode()
    except AttributeError:
        says['unique_id'] = ''
    try:
        import vfs
        says['filesystem'] = [type(m[0]).__name__ for m in vfs.mount() if m[1] == '/'][0]
    except (ImportError, TypeError, IndexError):
        pass
    try:
        s = os.statvfs('/')
        says['free_bytes'], says['size_bytes'] = s[1] * s[3], s[1] * s[2]
    except OSError:
        says['free_bytes'] = says['size_bytes'] = 0
    return says
"""
_FILESYSTEMS = {"VfsLfs2": "littlefs", "VfsLfs1": "littlefs1", "VfsFat": "FAT", "VfsPosix": "posix"}


@dataclass(frozen=True, slots=True)
class Identity:
    """A board as it describes itself; `kind` is "pico", "esp32cam" or "unknown".

    `mpy_version` is what compiled files must have, 0 where the board loads none; `filesystem` is "littlefs", "FAT",
    "posix" or "unknown", as MicroPython before 1.25 does not tell.
    """

    kind: str
    machine: str
    implementation: str
    version: tuple[int, ...]
    platform: str
    unique_id: str
    mpy_version: int
    has_camera: bool
    has_wifi: bool
    filesystem: str
    free_bytes: int
    size_bytes: int
    is_virtual: bool

    @property
    def version_text(self) -> str:
        """The version of MicroPython, as people write it."""
        return ".".join(map(str, self.version))

    def __str__(self) -> str:
        return f"{self.machine or self.platform}, MicroPython {self.version_text}, id {self.unique_id}"


def identify(prompt: Prompt) -> Identity:
    """Asks a board at its prompt what it is."""
    says = prompt.exec_json("_ask()", before=_ASK)
    return Identity(
        kind=_kind(says),
        machine=says["machine"],
        implementation=says["implementation"],
        version=tuple(says["version"]),
        platform=says["platform"],
        unique_id=says["unique_id"],
        mpy_version=says["mpy"] & 0xFF,
        has_camera="camera" in says["modules"],
        has_wifi="network" in says["modules"],
        filesystem=_FILESYSTEMS.get(says["filesystem"], says["filesystem"] or "unknown"),
        free_bytes=says["free_bytes"],
        size_bytes=says["size_bytes"],
        is_virtual=says["played"] is not None,
    )


def _kind(says: dict[str, Any]) -> str:
    if says["played"]:
        return str(says["played"])
    if says["platform"] == "rp2" and "Pico" in says["machine"]:
        return "pico"
    # The camera board has the first ESP32: its successors say "with ESP32S3" and the like.
    if says["platform"] == "esp32" and says["machine"].endswith("ESP32"):
        return "esp32cam"
    return "unknown"
