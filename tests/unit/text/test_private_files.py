"""Files that keep a secret of the user: where they are, and who can read them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from darvaz.boards.flashing import wifi
from darvaz.boards.flashing.configuration import WifiNetwork
from darvaz.text.private_files import NotPrivateError, config_folder, read_private, write_private

NO_MODES = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG is for the other systems")
@pytest.mark.parametrize("unset", [{}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "config"}])
def test_without_an_absolute_folder_of_xdg_it_is_below_home(unset: dict[str, str]) -> None:
    assert config_folder(unset) == Path("~/.config/darvaz").expanduser()
    assert config_folder({"XDG_CONFIG_HOME": "/own"}) == Path("/own/darvaz")


@NO_MODES
def test_a_file_and_its_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "own" / "wifi.json"

    write_private(path, {"ssid": "Home"})

    assert read_private(path) == {"ssid": "Home"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


@NO_MODES
def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wifi.json"
    write_private(path, {"ssid": "Home", "password": "secret"})
    os.chmod(path, 0o644)

    with pytest.raises(NotPrivateError):
        read_private(path)
    assert wifi.recall(path) is None


def test_a_wifi_is_remembered_and_forgotten(tmp_path: Path) -> None:
    path, network = tmp_path / "wifi.json", WifiNetwork("Home", "password")

    assert wifi.remember(path, network) is None
    assert wifi.recall(path) == network
    wifi.forget(path)
    assert wifi.recall(path) is None
