"""The Debian package: what is in it, and its life from installation to purge in a root folder of its own.

The Python environment, which takes a minute and a package index, is left out; `make deb` has it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from darvaz import __version__
from darvaz.cli.service_unit import system_unit
from darvaz.gateway.setting_sources import load_settings
from tests.support.needs import missing
from tools import build_deb

DEADLINE_S = 60
FILES = {
    "/etc/darvaz/darvaz.toml",
    "/lib/systemd/system/darvaz.service",
    "/usr/bin/darvaz",
    "/usr/share/bash-completion/completions/darvaz",
    "/usr/share/doc/darvaz/changelog.gz",
    "/usr/share/doc/darvaz/copyright",
    "/usr/share/fish/vendor_completions.d/darvaz.fish",
    "/usr/share/man/man1/darvaz.1.gz",
    "/usr/share/zsh/vendor-completions/_darvaz",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("dpkg-deb") is None:
        missing("dpkg-deb is not installed: this is not a Debian")
    return build_deb.build(tmp_path_factory.mktemp("deb"), with_libraries=False)


class Machine:
    """A root folder into which dpkg installs; its scripts work on that folder only."""

    def __init__(self, root: Path) -> None:
        self.root = root
        admin = root / "var/lib/dpkg"
        (admin / "updates").mkdir(parents=True)
        (admin / "info").mkdir()
        for name in ("status", "available"):
            (admin / name).touch()

    def dpkg(self, *arguments: str) -> None:
        options = ["--force-script-chrootless", "--force-depends", "--force-not-root", f"--log={self.root}/log"]
        done = subprocess.run(
            ["dpkg", f"--root={self.root}", *options, *arguments], capture_output=True, text=True, timeout=DEADLINE_S
        )
        assert done.returncode == 0, done.stderr


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True).stdout


def test_the_package_has_unit_settings_manual_page_and_completions(package: Path) -> None:
    lines = [line.split() for line in run("dpkg-deb", "--contents", str(package)).splitlines()]

    assert {words[5].removeprefix(".") for words in lines if not words[0].startswith("d")} == FILES
    assert {words[1] for words in lines} == {"root/root"}
    assert run("dpkg-deb", "--field", str(package), "Version").strip() == __version__


def test_its_life_ends_with_nothing_left(package: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    config, data = tmp_path / "etc/darvaz/darvaz.toml", tmp_path / "var/lib/darvaz"

    machine.dpkg("--install", str(package))
    unit = (tmp_path / "lib/systemd/system/darvaz.service").read_text()
    settings = load_settings({}, {}, config).settings
    data.mkdir(parents=True)
    (data / "darvaz.sqlite3").touch()
    config.write_text(config.read_text() + "port = 4000\n")
    machine.dpkg("--install", str(package))
    machine.dpkg("--remove", "darvaz")
    kept = (config.exists(), (data / "darvaz.sqlite3").exists(), (tmp_path / "usr/bin/darvaz").is_symlink())
    machine.dpkg("--purge", "darvaz")

    assert unit == system_unit()
    assert settings.data == "/var/lib/darvaz"
    assert kept == (True, True, False)
    assert not config.exists() and not data.exists()
