"""Messages name a command that installs what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from darvaz.text.extras import how_to_install


def test_in_a_checkout_the_command_can_be_copied(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    package = tmp_path / "server" / "darvaz"

    assert how_to_install("record", package) == f"{sys.executable} -m pip install -e '{tmp_path}[record]'"


@pytest.mark.parametrize("folder", ["lib/python3.11/site-packages/darvaz", "server/darvaz"])
def test_an_installed_package_names_the_folder_it_came_from(folder: str, tmp_path: Path) -> None:
    assert how_to_install("record", tmp_path / folder).startswith("pip install '.[record]' in the folder")
