"""The Wi-Fi that was typed once, kept for the next board in a private file of the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from darvaz.boards.flashing.configuration import WifiNetwork
from darvaz.text.private_files import config_folder, read_private, write_private

SSID_VARIABLE = "DARVAZ_WIFI_SSID"
PASSWORD_VARIABLE = "DARVAZ_WIFI_PASSWORD"


def store_path() -> Path:
    """Returns the file in which the Wi-Fi is remembered."""
    return config_folder() / "wifi.json"


def from_environment(environment: Mapping[str, str]) -> WifiNetwork | None:
    """Returns the Wi-Fi in the environment variables, or None."""
    ssid = environment.get(SSID_VARIABLE)
    return WifiNetwork(ssid, environment.get(PASSWORD_VARIABLE, "")) if ssid else None


def recall(path: Path) -> WifiNetwork | None:
    """Returns the Wi-Fi that was remembered; None if there is none, or its file cannot be read."""
    try:
        known = read_private(path)
        return WifiNetwork(str(known["ssid"]), str(known["password"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, network: WifiNetwork) -> str | None:
    """Keeps a Wi-Fi for the next board; returns the reason where that is not possible."""
    if recall(path) == network:
        return None
    try:
        write_private(path, {"ssid": network.ssid, "password": network.password})
    except OSError as error:
        return f"the Wi-Fi is not remembered for the next board: {path.parent} ({error.strerror})"
    return None


def forget(path: Path) -> None:
    """Forgets a Wi-Fi that did not work, if its folder can be written."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
