"""The verbs of `darvaz`: all of them are listed, and none is imported before it is used."""

from __future__ import annotations

import json
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


# What is slow to load, and of no use to who reads a help text.
HEAVY = (
    "asyncio", "httpx", "rich", "uvicorn", "starlette", "websockets", "serial", "sqlite3", "ssl",
    "darvaz.cli.serve", "darvaz.gateway.app", "darvaz.gateway.parts", "darvaz.client.synchronous",
)  # fmt: skip
LOADED = """
import json, sys
from darvaz.cli import cli
for words in json.loads(sys.argv[1]):
    cli([*words, "--help"], standalone_mode=False)
    print(json.dumps([words, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]), file=sys.stderr)
"""


def loaded_by(*words: list[str]) -> list[list[str]]:
    """Returns which heavy modules a process has loaded after the help of each verb, one after the other."""
    command = [sys.executable, "-c", LOADED, json.dumps(words), json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line)[1] for line in done.stderr.splitlines()]


def test_the_help_of_all_verbs_loads_none_of_them() -> None:
    assert loaded_by([]) == [[]]


@pytest.mark.parametrize("verb", ["devices", "send", "status", "telemetry", "group", "rules"])
def test_help_of_a_verb_loads_neither_the_other_verbs_nor_an_http_client(verb: str) -> None:
    assert loaded_by([verb]) == [[]]


@pytest.mark.parametrize("verb", ["log", "export"])
def test_help_of_a_verb_that_reads_files_loads_the_database_alone(verb: str) -> None:
    assert loaded_by([verb]) == [["sqlite3"]]


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
