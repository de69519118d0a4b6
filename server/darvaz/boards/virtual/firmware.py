"""Writes the flash of a virtual board: the firmware as it is, and a configuration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from darvaz.boards.firmware_source import source_files

# The access point that every virtual board finds.
NETWORK = {"ssid": "Home", "password": "password"}


def write_flash(folder: Path, kind: str, device: str, gateway: str, token: str | None, **more: Any) -> None:
    """Fills a folder with what `make flash` would put on a board of a kind; `more` goes into its config.json."""
    for path, file in source_files(kind).items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    config = {"device": device, "networks": [NETWORK], "gateways": [gateway], "grace_s": 0, **more}
    if token is not None:
        config["token"] = token
    config_file = folder / "config.json"
    config_file.touch(0o600)
    config_file.write_text(json.dumps(config), encoding="utf-8")
