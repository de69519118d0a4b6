"""Each code of a problem is in one table, has a Persian sentence, and no Persian page shows an English one unsaid."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from darvaz.gateway.http.problem_codes import CODES

GATEWAY = Path(__file__).parents[2] / "server" / "darvaz" / "gateway"
WORDS = (GATEWAY / "dashboard" / "lib" / "words-problems.js").read_text(encoding="utf-8")
# Their sentences are for programs: no page makes such requests.
WITHOUT_PAGES = {"api/mcp.py", "http/server_protocol.py", "http/tls_start.py"}
# Exceptions whose text is the detail of a problem with this code.
CODES_OF_ERRORS = {
    "TooManyCamerasError": "too_many",
    "TooManyRulesError": "too_many",
    "TooManyActionRulesError": "too_many",
    "TooManyPeopleError": "too_many",
    "TooManyLayoutsError": "too_many",
    "TooManyInvitationsError": "too_many",
    "TooManyChannelsError": "too_many",
    "TooManyBrowsersError": "too_many",
    "NameTakenError": "name_taken",
    "ChangedMeanwhileError": "changed_meanwhile",
    "TooManyViewersError": "too_many_viewers",
    "NotStoppedError": "not_stopped",
    "InUseError": "in_use",
    "InputFullError": "input_full",
    "OfflineError": "offline",
    "BusyError": "busy",
    "TimedOutError": "timed_out",
    "UnknownDeviceError": "unknown_device",
    "ImageError": "no_image",
    "FirmwareError": "no_firmware",
    "ReadPoolBusyError": "busy",
}


def strings_in(node: ast.expr) -> list[str]:
    """Returns the texts that an expression may be: a constant, or either side of a condition."""
    if isinstance(node, ast.IfExp):
        return strings_in(node.body) + strings_in(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def sentence_of(node: ast.expr) -> str | None:
    """Returns the sentence of an expression, with 7 for each value in it; None if it is made elsewhere."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return next(iter(strings_in(node)), None)


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """Returns each call in the gateway that makes a problem, with the file that has it."""
    names = {"problem", "Refused", *CODES_OF_ERRORS}
    any_call = re.compile(rf"\b(?:{'|'.join(names)})\(")
    found = []
    for file in sorted(GATEWAY.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if any_call.search(text) else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                found.append((file.relative_to(GATEWAY).as_posix(), node.func.id, node))
    return tuple(found)


def problems() -> Iterator[tuple[str, list[str], str | None]]:
    """Yields the file, the codes and the sentence of each problem and refusal."""
    for file, name, call in calls():
        if name in ("problem", "Refused") and len(call.args) > 1:
            yield file, strings_in(call.args[1]), sentence_of(call.args[2]) if len(call.args) > 2 else None
        elif name in CODES_OF_ERRORS and call.args:
            yield file, [CODES_OF_ERRORS[name]], sentence_of(call.args[0])


def codes_of_errors() -> set[str]:
    """Returns the codes that classes of errors have."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(GATEWAY.rglob("*.py")))
    return set(re.findall(r'^    code = "([a-z_]+)"$', text, re.MULTILINE))


def used_codes() -> set[str]:
    return codes_of_errors() | {code for _, codes, _ in problems() for code in codes}


def part(begin: str, end: str) -> str:
    return WORDS.split(begin)[1].split(end)[0]


PERSIAN = dict(re.findall(r'^  (\w+):\s+"([^"]+)",$', part("export const codes = {", "\n};"), re.MULTILINE))
PARTLY = set(re.findall(r'"(\w+)"', part("export const partly", "]);")))
PATTERNS = [
    pattern.replace("\\\\", "\\")
    for pattern in re.findall(r'\[\s*"((?:[^"\\]|\\.)+)",\s*"', part("sentences = [", "\n];"))
]


def test_the_table_has_each_code_and_no_other() -> None:
    assert set(CODES) == used_codes()


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_has_a_persian_sentence(code: str) -> None:
    assert re.search("[آ-ی]", PERSIAN[code])


def test_no_persian_sentence_is_of_a_code_that_is_gone() -> None:
    assert set(PERSIAN) | PARTLY <= set(CODES)


def test_a_code_with_several_sentences_says_each_of_them_in_persian() -> None:
    sentences: dict[str, set[str]] = {}
    for file, codes, sentence in problems():
        if sentence is not None and file not in WITHOUT_PAGES:
            for code in codes:
                sentences.setdefault(code, set()).add(sentence)
    several = {"not_allowed", "not_authorised"}
    unsaid = [
        sentence
        for code in several
        for sentence in sentences[code]
        if not any(re.search(pattern, sentence) for pattern in PATTERNS)
    ]
    assert unsaid == []


def test_each_pattern_is_of_a_sentence_that_the_gateway_has() -> None:
    texts = "\n".join(file.read_text(encoding="utf-8") for file in sorted(GATEWAY.rglob("*.py")))
    # A sentence of several lines, and one with values in it.
    joined = re.sub(r'"\s*\n\s*f?"', "", texts)
    loose = re.sub(r"\{[^{}\n]*\}", "7", joined)
    made = [
        "name: missing", "name: expected one of a, b", "name: expected at most 3 characters",
        "name: expected 3 or more characters", "name: expected a number of at most 3",
        "name: expected an integer of at most 3", "name: expected a number of 3 or more", "name: expected a number",
        "name: expected an integer", "name: expected a string", "name: expected true or false",
        "it did not become good", "it was not found good in 3 starts",
        "pump fell back: it was not found good in 3 starts",
        "7 more from here within 60 s", "7 more from other addresses within 60 s",
    ]  # fmt: skip
    gone = [
        pattern
        for pattern in PATTERNS
        if not re.search(pattern, loose) and not any(re.search(pattern, sentence) for sentence in made)
    ]
    assert (gone, len(PATTERNS) > 60) == ([], True)
