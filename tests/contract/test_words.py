"""Words and names: one common word for one thing, as the glossary in CONTRIBUTING.md says."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A pattern of words that are not used, and what is written instead.
WORDS = {
    r"strangers?": "a client without a token",
    r"in vain": "failed, without success",
    r"anew|afresh": "again",
    r"for ever": "forever, for good",
    r"whoever": "a client that …",
    r"in the mean": "on average",
    r"belongs? into": "belongs in",
    r"(?<!there )(?:is|are|was|were|be) no(?! longer| more)(?= [a-z])": "is not a …",
    r"knows? no": "does not know",
    r"doors?": "endpoint, connection",
    r"knock(?:s|ing)?": "connect",
    r"so (?:much|many)(?! as)": "a number, or leave it out",
    r"rooms?": "package",
    r"hitherto|henceforth|thereof|whereof|behold": "plain words",
    r"likes? to": "plain words",
}
# What was said, told or heard has a name of its own: reason, message, text, answer, line.
NAMES = {
    "said", "told", "heard", "asked", "wish", "wishes", "crowd", "knock", "door", "doors", "tale", "course", "taker",
    "director", "steering", "outlet", "terms", "speech", "moment", "patience", "tally", "stranger", "question",
    "questions", "place", "surroundings", "suitability", "desk", "complain", "complaints", "feed", "clock_s", "lift",
}  # fmt: skip
SUFFIXES = {".py", ".js", ".mjs", ".md", ".html", ".css", ".toml", ".json", ".c", ".awk", ".ini"}
# A house has rooms with sensors, and doors that a switch opens; tools and the guide have words of their own.
ALLOWED = re.compile(
    r"living[ _]room|bed[ _]?room|bathroom|class ?room|front[ _]door|garage[ _]door|door sensor|\"door\""
)
LINES_MAX, LINES_MIN = 350, 15
# What Python asks for by name, however little is in it.
MARKERS = {"__init__.py", "__main__.py", "conftest.py"}
SHORT = {
    "server/darvaz/boards/virtual/stubs/socket.py": "a module of MicroPython",
    "server/darvaz/gateway/whole_seconds.py": "what timers of several layers agree on",
    "tests/support/on_board/run_tests.py": "runs on a board by itself",
    "tests/unit/firmware/failing_on_purpose.py": "a program that another one runs",
    "tests/unit/firmware/programs/power_on.py": "a program that a board runs",
}
# The API has it, and clients read it.
PUBLIC_NAMES = {"asked"}
# A stub of MicroPython's own module has that module's names.
API = "server/darvaz/gateway/api"
STUBS = "server/darvaz/boards/virtual/stubs/"


def tracked() -> list[Path]:
    """Returns the files of the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


FILES = tracked() if (ROOT / ".git").exists() else []
PYTHON = [path for path in FILES if path.suffix == ".py"]

pytestmark = pytest.mark.skipif(not FILES, reason="not a checkout of git")


def lines_of(path: Path, anything: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Yields the lines of a text in which words count: not the glossary's own table, nor this list.

    Of a text that has no match of `anything`, as most, there are none.
    """
    if (path.suffix not in SUFFIXES and path.name != "Makefile") or path == Path(__file__):
        return
    # To ignore case takes the search three times as long.
    text = path.read_text(encoding="utf-8").lower()
    for number, line in enumerate(text.splitlines() if anything.search(text) else (), 1):
        if not (path.name == "CONTRIBUTING.md" and line.startswith("|")):
            yield number, ALLOWED.sub("", line)


def pattern(words: str) -> re.Pattern[str]:
    """Returns the pattern of these words where they stand alone, in small letters."""
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")


def test_no_word_is_used_that_the_glossary_replaces() -> None:
    # One search of a line for all of them, then one for each: nearly no line has any.
    anything = pattern("|".join(WORDS))
    words = {pattern(word): instead for word, instead in WORDS.items()}
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group(0)!r}, better: {instead}"
        for path in FILES
        for number, line in lines_of(path, anything)
        if anything.search(line)
        for word, instead in words.items()
        if (match := word.search(line))
    ]

    assert found == []


def all_names(code: CodeType) -> set[str]:
    """Returns every name in what was compiled: many times quicker than a walk of the tree."""
    found = {code.co_name, *code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars}
    return found.union(*(all_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def is_replaced(name: str) -> bool:
    """Whether a name is one that the glossary replaces."""
    return name.lower().strip("_") in NAMES


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields every name that a file gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def test_values_are_named_for_what_they_are() -> None:
    # Most files have none of the names where something is named, which these follow, and most others only in texts.
    follows = r"\s*(?:[=,)\]:(+*/|&^%<>@;\\#-]|in\b|$)"
    anywhere = re.compile(rf"\b_*(?:{'|'.join(NAMES)})_*\b(?={follows})", re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {name}"
        for path in PYTHON
        if not path.is_relative_to(ROOT / STUBS) and anywhere.search((text := path.read_text(encoding="utf-8")).lower())
        if any(map(is_replaced, all_names(compile(text, path, "exec", dont_inherit=True))))
        for number, name in names_in(ast.parse(text))
        if name.lower().strip("_") in NAMES - (PUBLIC_NAMES if path.is_relative_to(ROOT / API) else set())
    ]

    assert found == []


def test_no_two_classes_of_the_server_have_the_same_name() -> None:
    class_line = re.compile(r"^ *class (\w+)(?=[(:\[])", re.MULTILINE)
    names = Counter(
        name
        for path in PYTHON
        if path.is_relative_to(ROOT / "server") and not path.is_relative_to(ROOT / STUBS)
        for name in class_line.findall(path.read_text(encoding="utf-8"))
    )

    assert [name for name, count in names.items() if count > 1] == []


def lines_by_name(suffixes: set[str]) -> dict[str, int]:
    """Returns how many lines each file has."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_bytes().count(b"\n") for path in FILES if path.suffix in suffixes
    }


def test_no_file_is_longer_than_one_can_survey() -> None:
    lines = lines_by_name({".py", ".js", ".mjs", ".c", ".css"})

    assert {name: count for name, count in lines.items() if count > LINES_MAX} == {}


def test_no_module_is_short_without_a_reason() -> None:
    lines = lines_by_name({".py"})
    short = {name for name, count in lines.items() if count < LINES_MIN and Path(name).name not in MARKERS}

    assert short == SHORT.keys()
