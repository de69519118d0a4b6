"""Writes the flash of a virtual board: the firmware as it is, and a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from darvaz.boards.compiled_library import MPY_VERSION, compile_library, twin
from darvaz.boards.firmware_source import read_sources

MAIN = "main.py"
# The access point that every virtual board finds.
NETWORK = {"ssid": "Home", "password": "password"}


def write_flash(
    folder: Path,
    kind: str,
    device: str,
    gateway: str,
    token: str | None,
    *,
    is_source: bool = False,
    program: Mapping[str, bytes] | None = None,
    **more: Any,
) -> bool:
    """Fills a folder with what `make flash` would put on a board of a kind; `more` goes into its config.json.

    The files of a maker's `program` take the place of ours. A main.py that is there and is neither stays, and so do
    a maker's own settings in config.json. Returns whether main.py is ours, or the program's.
    """
    files = {**read_sources(kind), **(program or {})}
    is_ours = program is not None or _is_ours(folder / MAIN, files["/" + MAIN])
    if not is_ours:
        del files["/" + MAIN]
    if not is_source:
        files = compile_library(files, MPY_VERSION).files
    for path, data in files.items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if (other := twin(path)) is not None:
            (folder / other.lstrip("/")).unlink(missing_ok=True)
    config_file = folder / "config.json"
    config = {"device": device, "networks": [NETWORK], "gateways": [gateway], "grace_s": 0, **more}
    if token is not None:
        config["token"] = token
    config = {**_settings_in(config_file), **config}
    config_file.touch(0o600)
    config_file.write_text(json.dumps(config), encoding="utf-8")
    return is_ours


def _is_ours(main: Path, ours: bytes) -> bool:
    try:
        return main.read_bytes() == ours
    except FileNotFoundError:
        return True


def _settings_in(config_file: Path) -> dict[str, Any]:
    try:
        found = json.loads(config_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    # A token of an earlier run is of a board that may be forgotten.
    return {name: value for name, value in found.items() if name != "token"} if isinstance(found, dict) else {}
