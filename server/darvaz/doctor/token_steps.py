"""The steps about the token: where one comes from, and whether it fits into the header."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import httpx

from darvaz.doctor import hints as remedies
from darvaz.doctor import http as web
from darvaz.doctor.finding import Finding, failed, passed, quoted, skipped
from darvaz.doctor.target import Target

_TOKEN_CHARS_MAX = 256
_OURS = re.compile(r"dvz_([A-Za-z0-9-]+)_[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it came from; its text never shows in a repr."""

    text: str = field(repr=False)
    source: str
    is_ours_to_use: bool

    @property
    def name(self) -> str:
        """What may be shown of it: its id, which `darvaz token list` shows too."""
        match = _OURS.fullmatch(self.text)
        return f"dvz_{match.group(1)}_…" if match else "a token of another form"


async def obtain(
    target: Target, given: Token | None, http: httpx.AsyncClient, deadline_s: float
) -> tuple[Finding, Token | None]:
    """Takes the token that was given, else fetches one from /public/tokens as the guide does."""
    if given is not None:
        return passed(f"{given.name} from {given.source}"), given
    try:
        answer = await web.get(http, "/public/tokens", deadline_s)
    except (httpx.HTTPError, TimeoutError) as error:
        said = quoted(error) or type(error).__name__
        return failed(f"/public/tokens does not answer ({said})", remedies.of_status(502)), None
    if answer.status != 200:
        return _not_handed_out(target, answer), None
    return _first_token(target, answer)


def _not_handed_out(target: Target, answer: web.Answer) -> Finding:
    if target.is_loopback and answer.status == 403:
        return skipped("/public/tokens is closed; from localhost no token is needed")
    return failed(
        f"/public/tokens answers {answer.status}: {quoted(answer.text)}".rstrip(": "),
        remedies.of_tokens_status(answer.status) + " Then use --token or --token-file here.",
    )


def _first_token(target: Target, answer: web.Answer) -> tuple[Finding, Token | None]:
    try:
        tokens = json.loads(answer.body)[f"{target.kind}_tokens"]
        token = Token(str(tokens[0]), "/public/tokens", is_ours_to_use=True)
    except (ValueError, LookupError, TypeError):
        remedy = "Is this a Darvaz gateway? Check the address; `darvaz token issue` there makes a token."
        return failed(f"/public/tokens has no {target.kind}_tokens", remedy), None
    return passed(f"{token.name} fetched from /public/tokens"), token


async def check_header(token: Token | None) -> Finding:
    """Looks whether `Authorization: Bearer <token>` would be well formed, before anybody refuses it."""
    if token is None:
        return skipped("no token, so no header")
    fault = find_fault(token.text)
    if fault is not None:
        return failed(*fault)
    return passed("Authorization: Bearer <token>")


def find_fault(text: str) -> tuple[str, str] | None:
    """Returns what is wrong with a token's form and what to do, or nothing."""
    if not text:
        return "the token is empty", "Copy the whole token; it begins with dvz_."
    if text.lower().startswith(("bearer ", "authorization:")):
        return (
            "the token already begins with the header's words",
            "Give the token alone: no `Bearer`, no header.",
        )
    if text[0] in "\"'<" or text[-1] in "\"'>":
        return "the token stands in quotes or brackets", "Take the quotes or brackets away."
    if any(char.isspace() for char in text):
        return "the token has a space or a line break in it", "Copy it again, in one piece."
    if not (text.isascii() and text.isprintable()):
        return "the token has characters that a header cannot carry", "Copy it again, without formatting."
    if len(text) > _TOKEN_CHARS_MAX:
        return f"the token is longer than {_TOKEN_CHARS_MAX} characters", "Copy one token only."
    return None
