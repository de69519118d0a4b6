"""`darvaz config` and the data folder that other commands take from darvaz.toml."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from darvaz.cli import cli
from darvaz.cli.data_folder import data_option
from darvaz.gateway.setting_sources import load_settings
from darvaz.gateway.settings import Settings, hints


def run(*arguments: str, **env: str) -> tuple[int, str]:
    result = CliRunner(env={"DARVAZ_CONFIG": None, **env}).invoke(cli, ["config", *arguments])
    return result.exit_code, result.output


def test_each_setting_is_shown_with_its_source(tmp_path: Path) -> None:
    file = tmp_path / "darvaz.toml"
    file.write_text("viewers_max = 7")

    status, shown = run("--config", str(file), "--links-max", "9", DARVAZ_PORT="4000")

    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.startswith("  ")}
    assert status == 0
    assert set(lines) == set(hints())
    assert lines["viewers_max"] == ["7", str(file)]
    assert lines["links_max"] == ["9", "--links-max"]
    assert lines["port"] == ["4000", "DARVAZ_PORT"]
    assert lines["host"] == ["0.0.0.0", "default"]


def test_a_token_in_the_environment_is_not_shown() -> None:
    status, shown = run("--json", DARVAZ_TOKEN="dvz_0123_secret", DARVAZ_PROT="1")

    answer = json.loads(shown)
    assert status == 0
    assert answer["variables"]["DARVAZ_TOKEN"] == "(hidden)"
    assert "secret" not in shown
    assert answer["remarks"] == ["DARVAZ_PROT is set, but is not a setting; did you mean DARVAZ_PORT?"]


def test_an_invalid_value_ends_with_1() -> None:
    status, shown = run(DARVAZ_PORT="many")

    assert status == 1
    assert "DARVAZ_PORT=many: expected a whole number" in shown


def test_the_example_without_its_comment_signs_is_a_file_with_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "darvaz.toml"
    file.write_text(re.sub(r"^# (\w+ = )", r"\1", run("--example")[1], flags=re.MULTILINE))

    settings = load_settings({}, {}, file).settings

    assert settings == msgspec.structs.replace(Settings(), data=str(tmp_path / "data"))


def test_other_commands_find_the_data_folder_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "darvaz.toml").write_text('data = "boards"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DARVAZ_DATA", raising=False)

    @click.command()
    @data_option
    def show(data: Path) -> None:
        click.echo(data)

    assert CliRunner().invoke(show).output.strip() == str(tmp_path / "boards")
    assert CliRunner(env={"DARVAZ_DATA": "elsewhere"}).invoke(show).output.strip() == "elsewhere"
