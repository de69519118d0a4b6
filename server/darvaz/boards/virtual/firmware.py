"""Writes the flash of a virtual board: the firmware as it is, and a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from darvaz.boards.compiled_library import MPY_VERSION, compile_library, twin
from darvaz.boards.firmware_source import read_sources

# The access point that every virtual board finds.
NETWORK = {"ssid": "Home", "password": "password"}


def write_flash(
    folder: Path, kind: str, device: str, gateway: str, token: str | None, *, is_source: bool = False, **more: Any
) -> None:
    """Fills a folder with what `make flash` would put on a board of a kind; `more` goes into its config.json."""
    files = read_sources(kind)
    if not is_source:
        files = compile_library(files, MPY_VERSION).files
    for path, data in files.items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if (other := twin(path)) is not None:
            (folder / other.lstrip("/")).unlink(missing_ok=True)
    config = {"device": device, "networks": [NETWORK], "gateways": [gateway], "grace_s": 0, **more}
    if token is not None:
        config["token"] = token
    config_file = folder / "config.json"
    config_file.touch(0o600)
    config_file.write_text(json.dumps(config), encoding="utf-8")
