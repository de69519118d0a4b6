"""Scripts and styles without what only their writers need: by simple rules, which hold for how these are written."""

from __future__ import annotations

import re
from pathlib import Path

_COMMENTS = re.compile(rb"^[ \t]*(?://[^\n]*|/\*\*(?:(?!\*/).)*\*/)[ \t]*\n", re.MULTILINE | re.DOTALL)
_TYPES = re.compile(rb"/\*\* @type \{[^\n]*?\} \*/ ?")
_STYLE_COMMENTS = re.compile(rb"/\*.*?\*/\n?", re.DOTALL)
_INDENTATION = re.compile(rb"^\s+", re.MULTILINE)
# What formatters put behind the last of several lines.
_LAST_SIGN = re.compile(rb",(?=\n[)\]}])|;(?=\n\})")
# A line that begins with one of these words is a statement of its own. Imports keep theirs: they are read by it.
_END_OF_LINE = re.compile(rb'(?<!");(?=\n(?:const|let|if|for|return|throw|await|while)\b)')
# Before a colon a blank has a meaning, in a selector.
_STYLE_BLANKS = re.compile(rb'("[^"\n]*")|\s*([{};,])\s*|(:) +|(?<=[ :(,-])0(?=\.\d)')
_LAST_IN_STYLE = re.compile(rb";(?=\})")
# A line that only goes on in the next one; one with // in it may have a comment at its end.
_BROKEN_LINE = re.compile(rb"^((?:(?!//)[^\n])*)(?:(?<=[,({\[])\n|\n(?=[)\]}.?:&|]))", re.MULTILINE)
# In backticks, one may be inside of another one: then its braces do not match.
_TEMPLATE = rb"`(?:[^`\\\n]|\\.)*`"
_TEXT = rb'(?:"(?:[^"\\\n]|\\.)*"|' + _TEMPLATE + rb")"
# Outside of texts / may begin a pattern or a comment, unless it divides what is before it.
_PLAIN_LINE = re.compile(rb"^(?:[^\"'`/\n]|(?<=[\w)\]] )/(?= [\w(])|" + _TEXT + rb")+$", re.MULTILINE)
# Twice, + and - have another meaning; words that no name goes on with need no blank before a text.
_TEXT_OR_SIGN = re.compile(
    rb"(" + _TEXT + rb")|(?<![+-]) ([+/-]) (?![+-])| *(=>|[=<>!]=+|&&|\|\||\?\?|[=,;{}()?:|&<>*\[\]]) *"
    rb"|(?:(?<=\bfrom)|(?<=\bimport)|(?<=\breturn)) (?=[\"`])"
)


def as_sent(file: Path) -> bytes:
    """Returns a file as it is sent: without types and the comments that have lines of their own, nothing indented.

    A statement of several lines becomes one, without the blanks beside signs. A text of several lines in a script would
    lose its indentation; `test_pages` holds that there is none.
    """
    body = file.read_bytes()
    if file.suffix == ".js":
        body = _TYPES.sub(b"", _COMMENTS.sub(b"", body))
    elif file.suffix == ".css":
        body = _STYLE_COMMENTS.sub(b"", body)
    if file.suffix in (".js", ".css"):
        body = _INDENTATION.sub(b"", body)
    if file.suffix == ".css":
        return _LAST_IN_STYLE.sub(b"", _STYLE_BLANKS.sub(rb"\1\2\3", body))
    if file.suffix != ".js":
        return body
    return _PLAIN_LINE.sub(_without_blanks, _BROKEN_LINE.sub(rb"\1", _END_OF_LINE.sub(b"", _LAST_SIGN.sub(b"", body))))


def _without_blanks(line: re.Match[bytes]) -> bytes:
    if any(text.count(b"{") != text.count(b"}") for text in re.findall(_TEMPLATE, line[0])):
        return line[0]
    return _TEXT_OR_SIGN.sub(lambda found: found[found.lastindex] if found.lastindex else b"", line[0])
