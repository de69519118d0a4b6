"""The wheel and the sdist hold what the repository holds, and no secret or data that lies beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "a-password-of-a-wifi"
PRIVATE = (
    "firmware/pico/config.json",
    "firmware/pico/config_home.json",
    "firmware/esp32cam/config.json",
    "firmware/lib/darvaz/notes.txt",
    "firmware/pico/wifi.env",
    "server/darvaz/.env",
    "server/darvaz/cli/tokens.json",
    "server/darvaz/__compiled__/cpython-311/manifest.txt",
    "home.env",
    "data/darvaz.sqlite3",
    ".cache/install.log",
    "wifi.txt",
    "secrets.json",
)
BUILD = "import sys, hatchling.build as b; b.build_wheel(sys.argv[1]); b.build_sdist(sys.argv[1])"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, bytes], dict[str, bytes]]]:
    """The files of the wheel and of the sdist of a checkout in which somebody works."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in tracked():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, checkout / name)
    for name in PRIVATE:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(SECRET)
    built = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-c", BUILD, str(built)], cwd=checkout, check=True, timeout=100)
    yield wheel_files(built), sdist_files(built)


def tracked() -> list[str]:
    shown = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return [name for name in shown.splitlines() if (REPOSITORY / name).is_file()]


def wheel_files(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def sdist_files(folder: Path) -> dict[str, bytes]:
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        return {
            member.name.partition("/")[2]: file.read()
            for member in sdist.getmembers()
            if (file := sdist.extractfile(member)) is not None
        }


def test_no_private_file_is_in_a_package(packages: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    for files in packages:
        assert [name for name, content in files.items() if content == SECRET.encode()] == []


def test_the_sdist_holds_every_file_of_the_repository(packages: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    _, sdist = packages

    expected = {name for name in tracked() if not name.startswith((".ci/", ".git-"))}
    assert set(sdist) - {"PKG-INFO"} == expected


def test_the_wheel_holds_the_package_the_schema_and_the_firmware(
    packages: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    wheel, _ = packages

    code = {name.removeprefix("server/") for name in tracked() if name.startswith("server/darvaz/")}
    firmware = {f"darvaz/{name}" for name in tracked() if name.startswith("firmware/")} - {
        "darvaz/firmware/package.json"
    }
    files = {name for name in wheel if ".dist-info/" not in name}
    assert files == code | firmware | {"darvaz/protocol/protocol.json"}
