"""Writes the flash of a virtual board: the firmware as it is, and a configuration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import darvaz

_PACKAGE = Path(darvaz.__file__).resolve().parent
_IGNORED = shutil.ignore_patterns("__pycache__", "config*.json", "*.pyi")
# The access point that every virtual board finds.
NETWORK = {"ssid": "Home", "password": "password"}


def firmware_folder() -> Path:
    """Returns where the firmware's sources are: in the installed package, or in the repository."""
    packaged = _PACKAGE / "firmware"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "firmware"


def write_flash(folder: Path, kind: str, device: str, gateway: str, token: str | None, **more: Any) -> None:
    """Fills a folder with what `make flash` would put on a board of a kind."""
    firmware = firmware_folder()
    shutil.copytree(firmware / kind, folder, ignore=_IGNORED, dirs_exist_ok=True)
    shutil.copytree(firmware / "lib", folder / "lib", ignore=_IGNORED, dirs_exist_ok=True)
    config = {"device": device, "networks": [NETWORK], "gateways": [gateway], "grace_s": 0, **more}
    if token is not None:
        config["token"] = token
    path = folder / "config.json"
    path.touch(0o600)
    path.write_text(json.dumps(config), encoding="utf-8")
