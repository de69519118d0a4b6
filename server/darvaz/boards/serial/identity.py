"""Identifies a board at its prompt: kind, MicroPython, abilities, file system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from darvaz.boards.serial.answers import Size

if TYPE_CHECKING:
    from darvaz.boards.serial.prompt import Prompt

# A virtual board's `machine` module names the board that it simulates; a real one has no VIRTUAL.
_ASK = """
import sys, binascii
def _ask():
    import machine, os
    i = sys.implementation
    virtual = getattr(machine, 'VIRTUAL', {})
    facts = {
        'implementation': i.name,
        'version': list(virtual.get('version') or i.version[:3]),
        'platform': sys.platform,
        'machine': virtual.get('machine') or getattr(i, '_machine', ''),
        'mpy': getattr(i, '_mpy', 0),
        'virtual_kind': virtual.get('kind'),
        'modules': [],
        'filesystem': '',
    }
    for name in ('camera', 'network', 'hashlib', 'asyncio'):
        try:
            __import__(name)
            facts['modules'].append(name)
        except ImportError:
            pass
    try:
        import tls
        if hasattr(tls.SSLContext(tls.PROTOCOL_TLS_CLIENT), 'psk_key'):
            facts['modules'].append('tls_psk')
    except (ImportError, AttributeError):
        pass
    try:
        facts['unique_id'] = binascii.hexlify(machine.unique_id()).decode()
    except AttributeError:
        facts['unique_id'] = ''
    try:
        import vfs
        facts['filesystem'] = [type(m[0]).__name__ for m in vfs.mount() if m[1] == '/'][0]
    except (ImportError, TypeError, IndexError):
        pass
    try:
        s = os.statvfs('/')
        facts['free_bytes'], facts['size_bytes'] = s[1] * s[3], s[1] * s[2]
    except OSError:
        facts['free_bytes'] = facts['size_bytes'] = 0
    return facts
"""
_FILESYSTEMS = {"VfsLfs2": "littlefs", "VfsLfs1": "littlefs1", "VfsFat": "FAT", "VfsPosix": "posix"}
_KINDS = ("pico", "esp32cam")
_UNKNOWN = "unknown"
_TEXT_CHARS_MAX = 200
_Text = Annotated[str, msgspec.Meta(max_length=_TEXT_CHARS_MAX)]
_Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{0,64}$")]


class _Facts(msgspec.Struct):
    """What a board says about itself."""

    implementation: _Text
    version: Annotated[list[Size], msgspec.Meta(min_length=1, max_length=3)]
    platform: _Text
    machine: _Text
    mpy: Size
    virtual_kind: _Text | None
    modules: list[_Text]
    filesystem: _Text
    unique_id: _Hex
    free_bytes: Size
    size_bytes: Size


_FACTS = msgspec.json.Decoder(_Facts)


@dataclass(frozen=True, slots=True)
class Identity:
    """A board as it describes itself; `kind` is "pico", "esp32cam" or "unknown".

    `mpy_version` is the version of .mpy files that it loads, 0 for none; `filesystem` is "littlefs", "FAT", "posix"
    or "unknown", as `vfs.mount()` before MicroPython 1.25 does not list it.
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
    has_psk: bool
    filesystem: str
    free_bytes: int
    size_bytes: int
    is_virtual: bool

    @property
    def version_text(self) -> str:
        """The version of MicroPython with dots."""
        return ".".join(map(str, self.version))

    def __str__(self) -> str:
        return f"{self.machine or self.platform}, MicroPython {self.version_text}, id {self.unique_id}"


def identify(prompt: Prompt) -> Identity:
    """Returns what a board at its prompt is."""
    facts = prompt.exec_json("_ask()", _FACTS, before=_ASK)
    return Identity(
        kind=_kind(facts),
        machine=facts.machine,
        implementation=facts.implementation,
        version=tuple(facts.version),
        platform=facts.platform,
        unique_id=facts.unique_id,
        mpy_version=facts.mpy & 0xFF,
        has_camera="camera" in facts.modules,
        has_wifi="network" in facts.modules,
        has_psk="tls_psk" in facts.modules,
        filesystem=_FILESYSTEMS.get(facts.filesystem, facts.filesystem or _UNKNOWN),
        free_bytes=facts.free_bytes,
        size_bytes=facts.size_bytes,
        is_virtual=facts.virtual_kind is not None,
    )


def _kind(facts: _Facts) -> str:
    if facts.virtual_kind:
        return facts.virtual_kind if facts.virtual_kind in _KINDS else _UNKNOWN
    if facts.platform == "rp2" and "Pico" in facts.machine:
        return "pico"
    # The camera board has the original ESP32; the names of its successors end in ESP32S3 and the like.
    if facts.platform == "esp32" and facts.machine.endswith("ESP32"):
        return "esp32cam"
    return _UNKNOWN
