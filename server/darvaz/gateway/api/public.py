"""Operations that need no token: tokens for enrolment, health, the protocol's documents."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from darvaz import __version__
from darvaz.gateway.access import Refused
from darvaz.gateway.access.decisions import ENROLMENT_NOT_PROVEN
from darvaz.gateway.api.operations import Call, Operation, respond, without_body
from darvaz.gateway.http.authorization import is_local_program, note_refusal
from darvaz.gateway.http.problems import problem
from darvaz.protocol.asyncapi import build_asyncapi
from darvaz.protocol.schema import load_schema

_TAG = "Public"


class PublicTokens(msgspec.Struct):
    """One new token for each kind, in the format of the guide."""

    status: Literal["success"]
    pico_tokens: list[str]
    esp32cam_tokens: list[str]
    timestamp: str
    message: str


class HealthSummary(msgspec.Struct):
    """Whether the gateway works."""

    status: Literal["ok", "degraded"]
    version: str
    journal: str
    problems: list[str]


async def mint_public_tokens(call: Call) -> Response:
    """Issues one new token for each kind, if the policy allows it."""
    access, is_head = call.parts.access, call.request.method == "HEAD"
    # HEAD issues nothing: nobody would receive it.
    decide = access.refuse_public_tokens if is_head else access.public_tokens
    answer = decide(call.caller)
    if answer is ENROLMENT_NOT_PROVEN and await is_local_program(call.parts, call.scope):
        answer = decide(replace(call.caller, is_local_program=True))
    if isinstance(answer, Refused):
        note_refusal(call.parts, call.caller, answer, "tokens")
        return problem(answer.status, answer.code, answer.message, answer.retry_after_s)
    if is_head:
        return without_body()
    call.record("tokens issued")
    return respond(answer)


def read_health(call: Call) -> Response:
    """Returns whether the gateway works; 503 while it cannot write its data, or leaves its boards to others."""
    problems, journal = call.parts.problems, call.parts.journal.state
    health = HealthSummary("degraded" if problems else "ok", __version__, journal, problems)
    return respond(health, 503 if call.parts.failures or call.parts.cluster.is_leaving else 200)


def read_protocol(call: Call) -> dict[str, Any]:
    """Returns the schema of every message between a device and the gateway."""
    return dict(load_schema())


def read_asyncapi(call: Call) -> dict[str, Any]:
    """Returns the AsyncAPI document of the WebSocket."""
    return _asyncapi()


@cache
def _asyncapi() -> dict[str, Any]:
    return build_asyncapi(load_schema())


OPERATIONS = [
    Operation(
        method="GET", path="/public/tokens", tag=_TAG, handle=mint_public_tokens, need=None, is_stored=True,
        answer=PublicTokens, errors=(403, 429, 503),
    ),
    Operation(
        method="GET", path="/health", tag=_TAG, handle=read_health, need=None,
        answer=HealthSummary, other_answers={503: HealthSummary},
    ),
    Operation(
        method="GET", path="/protocol.json", tag=_TAG, handle=read_protocol, need=None, answer=dict[str, Any]
    ),
    Operation(
        method="GET", path="/asyncapi.json", tag=_TAG, handle=read_asyncapi, need=None, answer=dict[str, Any]
    ),
]  # fmt: skip
