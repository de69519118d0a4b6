"""The verbs of `darvaz`: all of them are listed, and none is imported before it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import darvaz.cli
from darvaz.cli import cli
from darvaz.cli.verbs import TABLE


def test_every_verb_is_listed() -> None:
    # The others are parts of the verbs, and define no function of their own name.
    modules = {
        path.stem
        for path in Path(darvaz.cli.__file__).parent.glob("*.py")
        if re.search(rf"^@click\.[^\0]*^def {path.stem}\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert modules == {verb.replace("-", "_") for verb in TABLE}


@pytest.mark.parametrize("verb", TABLE)
def test_every_verb_is_a_command_of_its_name(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)

    assert command is not None and command.name == verb


def test_help_of_a_verb_loads_neither_the_other_verbs_nor_an_http_client() -> None:
    program = (
        "import sys; from darvaz.cli import cli; cli(['devices', '--help'], standalone_mode=False);"
        "print([name for name in ('httpx', 'rich', 'uvicorn', 'sqlite3', 'darvaz.cli.serve') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


# A script of a shell, a terminal to type at, and a log that `--log-format json` makes JSON; of `service`, its parts
# `install` and `uninstall` have no result.
WITHOUT_JSON = {"completion", "repl", "serve", "service"}
# They are of no gateway, of one that has to be named, or of one that is stopped.
WITHOUT_GATEWAY = {"cluster import", "releases key"}


def options_of(verb: str) -> dict[str, set[str]]:
    """Returns the options of a verb, or of each of its own commands; of both, where it does something by itself."""
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    commands = {verb: command}
    if isinstance(command, click.Group):
        commands = {verb: command} if command.invoke_without_command else {}
        commands |= {f"{verb} {name}": found for name, found in command.commands.items()}
    return {words: {name for one in found.params for name in one.opts} for words, found in commands.items()}


@pytest.mark.parametrize("verb", TABLE)
def test_a_verb_has_the_options_that_all_have(verb: str) -> None:
    options = options_of(verb)

    assert all("--json" in found for found in options.values()) == (verb not in WITHOUT_JSON)
    if TABLE[verb].operations:
        assert {words for words, found in options.items() if "--gateway" not in found} <= WITHOUT_GATEWAY


@pytest.mark.parametrize("verb", TABLE)
def test_help_is_as_narrow_as_the_terminal(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    shown = CliRunner().invoke(cli, [verb, "--help"]).output

    # Lines that show how something is typed stay whole.
    assert sum(len(line) > 40 for line in shown.splitlines()) <= 3
