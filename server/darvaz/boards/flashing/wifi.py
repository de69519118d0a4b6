"""The Wi-Fi that was typed once, remembered for the next board: in the user's own folder, readable by nobody else."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from darvaz.boards.flashing.configuration import WifiNetwork

SSID_VARIABLE = "DARVAZ_WIFI_SSID"
PASSWORD_VARIABLE = "DARVAZ_WIFI_PASSWORD"
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def store_path() -> Path:
    """Returns where the Wi-Fi is remembered on this system."""
    return Path(click.get_app_dir("darvaz")) / "wifi.json"


def from_environment(environment: Mapping[str, str]) -> WifiNetwork | None:
    """Returns the Wi-Fi that the environment names, if it does."""
    ssid = environment.get(SSID_VARIABLE)
    return WifiNetwork(ssid, environment.get(PASSWORD_VARIABLE, "")) if ssid else None


def recall(path: Path) -> WifiNetwork | None:
    """Returns the Wi-Fi that was remembered; what cannot be read was not."""
    try:
        said = json.loads(path.read_bytes())
        return WifiNetwork(str(said["ssid"]), str(said["password"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, network: WifiNetwork) -> str | None:
    """Keeps a Wi-Fi for the next time; returns why not, where the folder cannot be written."""
    if recall(path) == network:
        return None
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        # Made by mkstemp for its owner alone, and there at once or not at all.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=".wifi-")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump({"ssid": network.ssid, "password": network.password}, file)
            os.chmod(name, _FILE_MODE)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        return f"the Wi-Fi is not remembered for the next board: {path.parent} ({error.strerror})"
    return None


def forget(path: Path) -> None:
    """Forgets a Wi-Fi that did not work, as far as its folder lets us."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
