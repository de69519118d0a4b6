"""The steps about the token: getting one, and whether it fits into the header."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import httpx

from darvaz.doctor import hints
from darvaz.doctor import http as plain_http
from darvaz.doctor.finding import Finding, failed, passed, quoted, skipped
from darvaz.doctor.target import GatewayTarget

_TOKEN_CHARS_MAX = 256
_OURS = re.compile(r"dvz_([A-Za-z0-9-]+)_[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class SourcedToken:
    """A token and its source; its text is not in the repr."""

    text: str = field(repr=False)
    source: str
    is_ours_to_use: bool

    @property
    def name(self) -> str:
        """The part that may be shown: its id, as in `darvaz token list`."""
        match = _OURS.fullmatch(self.text)
        return f"dvz_{match.group(1)}_…" if match else "a token of another form"


async def obtain(
    target: GatewayTarget, given: SourcedToken | None, http: httpx.AsyncClient, deadline_s: float
) -> tuple[Finding, SourcedToken | None]:
    """Returns the token that was given, else one from /public/tokens, as in the guide."""
    if given is not None:
        return passed(f"{given.name} from {given.source}"), given
    try:
        answer = await plain_http.get(http, "/public/tokens", deadline_s)
    except (httpx.HTTPError, TimeoutError) as error:
        reason = quoted(error) or type(error).__name__
        return failed(f"/public/tokens does not answer ({reason})", hints.of_status(502)), None
    if answer.status != 200:
        return _no_public_token(target, answer), None
    return _first_token(target, answer)


def _no_public_token(target: GatewayTarget, answer: plain_http.Answer) -> Finding:
    if target.is_loopback and answer.status == 403:
        return skipped("/public/tokens is closed; from localhost no token is needed")
    return failed(
        f"/public/tokens answers {answer.status}: {quoted(answer.text)}".rstrip(": "),
        hints.of_tokens_status(answer.status) + " Then use --token or --token-file here.",
    )


def _first_token(target: GatewayTarget, answer: plain_http.Answer) -> tuple[Finding, SourcedToken | None]:
    try:
        tokens = json.loads(answer.body)[f"{target.kind}_tokens"]
        token = SourcedToken(str(tokens[0]), "/public/tokens", is_ours_to_use=True)
    except (ValueError, LookupError, TypeError):
        remedy = "Is this a Darvaz gateway? Check the address; `darvaz token issue` there makes a token."
        return failed(f"/public/tokens has no {target.kind}_tokens", remedy), None
    return passed(f"{token.name} fetched from /public/tokens"), token


async def check_header(token: SourcedToken | None) -> Finding:
    """Checks that `Authorization: Bearer <token>` is well formed."""
    if token is None:
        return skipped("no token, so no header")
    mistake = find_mistake(token.text)
    if mistake is not None:
        return failed(*mistake)
    return passed("Authorization: Bearer <token>")


def find_mistake(text: str) -> tuple[str, str] | None:
    """Returns what is wrong with the form of a token and what to do, or None."""
    if not text:
        return "the token is empty", "Copy the whole token; it begins with dvz_."
    if text.lower().startswith(("bearer ", "authorization:")):
        return (
            "the token begins with words of the header",
            "Give the token alone: no `Bearer`, no header.",
        )
    if text[0] in "\"'<" or text[-1] in "\"'>":
        return "the token is in quotes or brackets", "Remove the quotes or brackets."
    if any(char.isspace() for char in text):
        return "the token has a space or a line break in it", "Copy it again, in one piece."
    if not (text.isascii() and text.isprintable()):
        return "the token has characters that a header cannot carry", "Copy it again, without formatting."
    if len(text) > _TOKEN_CHARS_MAX:
        return f"the token is longer than {_TOKEN_CHARS_MAX} characters", "Copy one token only."
    return None
