"""The code blocks of the documents can be used as they stand; tests/boards and tests/process run the programs."""

from __future__ import annotations

import ast
import configparser
import html.parser
import importlib
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from darvaz.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = set(re.findall(r"\$[({](\w+)[)}]|\b(\w+) +\?=", (ROOT / "Makefile").read_text()))
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Programs for a board import these.
ON_BOARD = ("board", "machine", "servo", "sensor", "video")
# Commands of other programs; their own documentation says whether they are right.
OTHERS = {
    *("apt", "cd", "cp", "curl", "docker", "esptool", "export", "ffmpeg", "ffplay", "git", "mpremote", "nats-server"),
    *("open", "perf", "pip", "pytest", "python", "python3", "sqlite3", "sudo", "systemctl", "vlc"),
}


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(page.name, text.count("\n", 0, found.start()) + 1, found[2], found[3])


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of(*languages: str) -> pytest.MarkDecorator:
    found = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", found, ids=[f"{block.page}:{block.line}" for block in found])


def commands(text: str) -> Iterator[list[str]]:
    """Yields the words of each command of a shell block, without variables that are set before it."""
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"\$\((.*?)\)", r"$(\1)", line)
        inner = re.findall(r"\$\(([^)]*)\)", line)
        for part in [line, *inner]:
            for command in re.split(r"\s(?:&&|\|)\s", part):
                words = shlex.split(command, comments=True)
                while words and re.match(r"^\w+=", words[0]):
                    words.pop(0)
                if words:
                    yield words


def check_darvaz(words: list[str]) -> None:
    """Fails unless the verb and each option of `darvaz ...` is there."""
    command: click.Command = cli
    options: set[str] = {"--help", "-h", "--version"}
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            verb = command.get_command(click.Context(command), word)
            assert verb is not None, f"darvaz {word}"
            command = verb
            options |= {name for parameter in command.params for name in parameter.opts + parameter.secondary_opts}
        elif word.startswith("-") and word != "-":
            assert word.partition("=")[0] in options, f"{command.name} {word}"


def check_make(words: list[str]) -> None:
    """Fails unless the targets and variables of `make ...` are there."""
    known = {name for pair in VARIABLES for name in pair if name}
    for word in words:
        name, is_variable, _ = word.partition("=")
        assert name in (known if is_variable else TARGETS), f"make {word}"


@of("sh", "bash")
def test_a_shell_block_uses_verbs_options_and_targets_that_exist(block: Block) -> None:
    for words in commands(block.text):
        program = Path(words[0]).name
        if program == "make" and words[1:2] == ["-C"]:
            # The Makefile of another project.
            continue
        if program == "make":
            check_make(words[1:])
        elif program == "darvaz":
            check_darvaz(words[1:])
        elif program.startswith("python") and words[1] == "-m" and words[2] != "venv" and words[2] != "pip":
            assert importlib.util.find_spec(words[2]) is not None, words
        else:
            assert program in OTHERS, words


@of("python")
def test_a_python_block_compiles_and_imports_what_is_there(block: Block) -> None:
    tree = ast.parse(block.text)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    is_for_a_board = any(
        alias.name in ON_BOARD for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    )
    compile(tree, block.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    for node in imports:
        module = str(node.module)
        if module.split(".")[0] != "darvaz" or is_for_a_board:
            continue
        for alias in node.names:
            assert hasattr(importlib.import_module(module), alias.name), f"{module}.{alias.name}"


def parse_json(text: str) -> None:
    """Parses the JSON values of a block; lines that begin with // are comments, as in the guide."""
    for part in re.split(r"\n\s*\n", re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)):
        if part.strip():
            json.loads(part)


def parse_yaml(text: str) -> None:
    pytest.importorskip("yaml").safe_load(text)


def parse_nginx(text: str) -> None:
    assert text.count("{") == text.count("}")
    for line in text.splitlines():
        assert not line.strip() or line.rstrip()[-1] in "{};", line


def parse_ini(text: str) -> None:
    # systemd allows a key twice.
    configparser.ConfigParser(strict=False, interpolation=None).read_string(text)


def parse_html(text: str) -> None:
    html.parser.HTMLParser().feed(text)


PARSERS: dict[str, Callable[[str], object]] = {
    "json": parse_json,
    "yaml": parse_yaml,
    "toml": tomllib.loads,
    "ini": parse_ini,
    "nginx": parse_nginx,
    "html": parse_html,
}


@of(*PARSERS)
def test_a_block_of_data_can_be_parsed(block: Block) -> None:
    PARSERS[block.language](block.text)


@of("javascript")
def test_a_javascript_block_is_valid(block: Block, tmp_path: Path) -> None:
    from tests.support.guide import node_command

    file = tmp_path / "block.mjs"
    file.write_text(block.text, encoding="utf-8")
    checked = subprocess.run([*node_command(), "--check", str(file)], capture_output=True, text=True, timeout=60)

    assert checked.returncode == 0, checked.stderr


def test_every_block_has_a_language_that_is_checked() -> None:
    # A diagram, and text that is shown or that another test compares.
    plain = {"", "text", "mermaid"}
    checked = {"sh", "bash", "python", "javascript", *PARSERS}

    assert {(block.page, block.line) for block in BLOCKS if block.language not in checked | plain} == set()
    assert {block.page for block in BLOCKS if block.language == ""} <= {
        "README.md",
        "connecting.fa.md",
        "design.md",
        "CONTRIBUTING.md",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_exist(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for code in re.findall(r"(?:`|<code dir=\"ltr\">)((?:make|darvaz) [a-z][^`<]*)(?:`|</code>)", prose):
        words = [word for word in code.split() if re.fullmatch(r"[\w./-]+", word)]
        if words[0] == "make":
            check_make(words[1:2])
        else:
            check_darvaz(words[1:])


TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
# Files of people who use Darvaz, and what their boards have.
THEIRS = {"boot.py", "config.json", "test_greenhouse.py", "conftest.py", "results.json", "report.xml"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_in_sentences_exist(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = set(re.findall(r"`([\w.*][\w./*-]*\.(?:py|md|js|c|toml|awk|json))`", prose)) - THEIRS

    assert {name for name in named if not any(is_path(name, file) for file in TRACKED)} == set()


def is_path(name: str, file: str) -> bool:
    return re.search(r"(^|/)" + re.escape(name).replace(r"\*", "[^/]*") + "$", file) is not None
