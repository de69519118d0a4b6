"""The hot path as machine code: the same modules, compiled by mypyc, and used while their sources are unchanged.

A module that is a few loops over bytes or numbers has an equivalent in C beside its source.

`python -m darvaz.compiled` (`make compile`) builds them into `__compiled__` in the package, with a manifest of every
source that they were made from. If one of those differs by a byte, the sources run instead, at half the speed.
`DARVAZ_COMPILED=no` does the same on request.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType

# What every message, every frame and every new connection goes through.
HOT_MODULES = (
    "darvaz.gateway.http.connections",
    "darvaz.gateway.http.callers",
    "darvaz.gateway.websocket.fast_upgrade",
    "darvaz.gateway.websocket.packets",
    "darvaz.gateway.websocket.parser",
    "darvaz.gateway.websocket.flow_control",
    "darvaz.gateway.websocket.protocol",
    "darvaz.protocol.name_rules",
    "darvaz.protocol.introductions",
    "darvaz.protocol.codec",
    "darvaz.gateway.session.output",
    "darvaz.gateway.session.session",
    "darvaz.gateway.session.uptime_clock",
    "darvaz.gateway.links.board_time",
    "darvaz.gateway.storage.sequences",
    "darvaz.gateway.links.numbered",
    "darvaz.gateway.links.shared",
    "darvaz.gateway.links.entries",
    "darvaz.gateway.links.burst",
    "darvaz.gateway.links.introduction",
    "darvaz.gateway.links.intake",
    "darvaz.gateway.links.link",
    "darvaz.gateway.links.opening",
    "darvaz.gateway.events.bus",
    "darvaz.gateway.crashes.last_lines",
    "darvaz.gateway.cluster.own_messages",
    "darvaz.gateway.journal.writer",
    "darvaz.gateway.journal.batches",
    "darvaz.gateway.journal.rare_entries",
    "darvaz.gateway.journal.export_lines",
    "darvaz.gateway.telemetry.recent",
    "darvaz.gateway.telemetry.report_queue",
    "darvaz.gateway.telemetry.latest",
    "darvaz.gateway.devices.deadlines",
    "darvaz.gateway.frames.frame",
    "darvaz.gateway.frames.viewer",
    "darvaz.gateway.frames.camera",
    "darvaz.gateway.frames.cameras",
    "darvaz.gateway.devices.group_index",
    "darvaz.gateway.devices.look_alikes",
    "darvaz.gateway.devices.presence",
    "darvaz.gateway.devices.registry",
    "darvaz.gateway.websocket.handshake",
    "darvaz.gateway.access.credentials",
    "darvaz.gateway.access.networks",
    "darvaz.gateway.access.proved_tokens",
    "darvaz.gateway.access.headers",
    "darvaz.gateway.access.tokens",
    "darvaz.gateway.access.rules",
    "darvaz.gateway.access.rate_limiter",
    "darvaz.gateway.access.origins",
    "darvaz.gateway.access.caller",
    "darvaz.gateway.access.gate",
)
# Each has an equivalent in C, a file of the same name.
C_MODULES = ("darvaz.gateway.websocket.masking", "darvaz.gateway.telemetry.columns")
# The modules share one library of this name; the file of each only loads it.
LIBRARY = "darvaz__mypyc"
# The first suffix names Python, processor and system.
SUFFIX = EXTENSION_SUFFIXES[0]
SWITCH = "DARVAZ_COMPILED"
MANIFEST = "manifest.txt"

_PACKAGE = Path(__file__).resolve().parent.parent
# One folder for each version of Python.
BUILD_FOLDER = _PACKAGE / "__compiled__" / str(sys.implementation.cache_tag)


class Finder:
    """Finds compiled modules before Python finds their sources."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns where a compiled module is, or None for all others."""
        if name not in HOT_MODULES and name not in C_MODULES and name != LIBRARY:
            return None
        file = file_of(name, self._folder)
        loader = ExtensionFileLoader(name, str(file))
        return importlib.util.spec_from_file_location(name, file, loader=loader)


def use_compiled() -> bool:
    """Makes Python import compiled modules from now on; returns whether there are any for these sources."""
    if os.environ.get(SWITCH, "").lower() in ("no", "0", "false", "off") or not is_fresh(BUILD_FOLDER):
        return False
    sys.meta_path.insert(0, Finder(BUILD_FOLDER))
    return True


def file_of(name: str, folder: Path) -> Path:
    """Returns the file of a compiled module or of the library."""
    return folder / (name.replace(".", "/") + SUFFIX)


def path_of(name: str) -> str:
    """Returns the path within the package of the source of a module of this package."""
    within = "/".join(name.split(".")[1:])
    return f"{within}.py" if (_PACKAGE / f"{within}.py").exists() else f"{within}/__init__.py".lstrip("/")


def c_path_of(name: str) -> str:
    """Returns the path within the package of a module's equivalent in C."""
    return f"{path_of(name).removesuffix('.py')}.c"


def is_fresh(folder: Path) -> bool:
    """Whether the compiled modules are there, and no source that they were made from has changed."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
        entries = [line.split("  ", 1) for line in lines]
        return entries[0] == [tool_stamp(), SUFFIX] and all(digest(path) == expected for expected, path in entries[1:])
    except (OSError, ValueError, IndexError):
        return False


def dump_manifest(sources: Sequence[str]) -> str:
    """Returns the manifest of these sources, paths within the package."""
    lines = [f"{digest(path)}  {path}" for path in sorted(sources)]
    return "\n".join([f"{tool_stamp()}  {SUFFIX}", *lines])


def digest(path: str) -> str:
    """Returns the SHA-256 of a source, by its path within the package."""
    return hashlib.sha256((_PACKAGE / path).read_bytes()).hexdigest()


def tool_stamp() -> str:
    """Returns the digest of the list of modules: a build of another list cannot be used."""
    return hashlib.sha256(" ".join(HOT_MODULES + C_MODULES).encode()).hexdigest()
