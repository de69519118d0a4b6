"""A maker's program: which files of its folder are for a board, in which order, and what its darvaz.toml may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.boards.program import Program, ProgramError, find_program, program_files, read_program
from darvaz.boards.program.folder import FILES_MAX, KINDS
from darvaz.gateway.access import DEVICE_KINDS
from darvaz.gateway.config_file import find_config
from darvaz.gateway.setting_sources import load_settings


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_files_keep_their_paths_and_main_comes_last(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "servo.py", "lib/bme280.py", "www/index.html")

    assert list(program_files(tmp_path)) == ["/lib/bme280.py", "/servo.py", "/www/index.html", "/main.py"]
    assert program_files(tmp_path)["/lib/bme280.py"] == tmp_path / "lib/bme280.py"


def test_other_files_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "config.json", "test_main.py", "conftest.py", "pyproject.toml")
    make(tmp_path, ".git/HEAD", "tests/test_it.py", "__pycache__/main.pyc", "lib/test_bme280.py", "machine.pyi")
    make(tmp_path, "README.md", "requirements-dev.txt", "typings/machine.pyi", "typings/stdlib/VERSIONS")

    assert list(program_files(tmp_path)) == ["/main.py"]


def test_settings_of_the_maker_are_for_the_board(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "config_pumps.json", "config.pumps.json", "data/config.json", "config.json")

    files = ["/config.pumps.json", "/config_pumps.json", "/data/config.json", "/main.py"]
    assert list(program_files(tmp_path)) == files


def test_files_that_the_maker_excludes_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "drawings/case.svg", "sounds/on.wav", "sounds/off.wav")
    (tmp_path / "darvaz.toml").write_text('[program]\nexclude = ["drawings/", "sounds/o*.wav"]\n')

    assert list(read_program(tmp_path).files()) == ["/main.py"]


def test_a_folder_that_leads_to_itself_is_read_once(tmp_path: Path) -> None:
    make(tmp_path, "main.py")
    (tmp_path / "again").symlink_to(tmp_path)

    assert list(program_files(tmp_path)) == ["/main.py"]


def test_a_program_without_settings_has_the_name_of_its_folder(tmp_path: Path) -> None:
    make(tmp_path, "Ofen & Co/main.py")

    assert read_program(tmp_path / "Ofen & Co") == Program(tmp_path / "Ofen & Co", "ofen-co")


def test_every_kind_of_board_can_be_named(tmp_path: Path) -> None:
    assert tuple(DEVICE_KINDS) == KINDS


REFUSED = {
    "no such folder": ({}, "there is no folder .*/it with a program: darvaz new it makes one"),
    "no main.py": ({"lamp.py": ""}, "it has no main.py"),
    "another key": ({"main.py": "", "darvaz.toml": "[program]\nkin = 'pico'\n"}, "unknown field `kin`"),
    "another kind": (
        {"main.py": "", "darvaz.toml": "[program]\nkind = 'uno'\n"},
        "kind is pico or esp32cam, not 'uno'",
    ),
    "not TOML": ({"main.py": "", "darvaz.toml": "[program"}, "darvaz.toml is not TOML"),
    "our library": ({"main.py": "", "lib/darvaz/link.py": ""}, "/lib/darvaz/link.py on a board is Darvaz's own"),
    "our loader": ({"main.py": "", "boot.py": ""}, "/boot.py on a board is Darvaz's own"),
    "too many files": ({f"{number}.txt": "" for number in range(FILES_MAX + 1)}, f"more than {FILES_MAX} files"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_named(what: str, tmp_path: Path) -> None:
    files, message = REFUSED[what]
    for name, text in files.items():
        make(tmp_path, f"it/{name}")
        (tmp_path / "it" / name).write_text(text)

    with pytest.raises(ProgramError, match=message):
        read_program(tmp_path / "it").read()


def test_a_gateway_in_the_folder_of_a_program_does_not_take_its_file_for_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    Path("darvaz.toml").write_text('[program]\nname = "lamp"\n')
    make(tmp_path, "home/darvaz/darvaz.toml")

    assert find_program(tmp_path) is not None
    assert find_config(environ={"XDG_CONFIG_HOME": str(tmp_path / "home")}) == tmp_path / "home/darvaz/darvaz.toml"


def test_one_file_may_have_both_settings_and_a_program(tmp_path: Path) -> None:
    file = tmp_path / "darvaz.toml"
    file.write_text('port = 3456\n[program]\nname = "lamp"\n')

    assert load_settings(environ={}, config=file).settings.port == 3456
    assert read_program(tmp_path).name == "lamp"
