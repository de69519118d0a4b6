"""The prompt of a board over HTTP: code of an operator, run beside the program, journalled with who ran it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.http.problems import problem
from darvaz.gateway.prompts.prompts import PromptResult

_TAG = "Prompt"
CODE_CHARS_MAX = 12_000

PromptSession = Annotated[
    str, Meta(pattern="^[0-9a-f]{12}$", description="A random text of the client; one session at a time has a prompt.")
]


class PromptCode(msgspec.Struct, forbid_unknown_fields=True):
    """Code to run: with `value`, an expression whose value is printed; with `more`, kept until the rest follows."""

    session: PromptSession
    code: Annotated[str, Meta(max_length=CODE_CHARS_MAX)]
    value: bool = False
    more: bool = False


class PromptQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which session to end."""

    session: PromptSession


async def run_at_prompt(call: Call) -> PromptResult | Response:
    """Runs code beside the program of a board and returns what it printed; a traceback is not an error."""
    body, device = call.body, call.device
    known = call.parts.devices.get(device)
    holder = _holder(call)
    if known is not None:
        payload = msgspec.json.encode({"by": holder, "code": body.code}).decode()
        call.record("prompt", payload, device, known.kind)
    try:
        return await call.while_connected(
            call.parts.prompts.run(
                device, body.code, session=body.session, holder=holder, is_value=body.value, has_more=body.more
            )
        )
    except CommandError as error:
        return problem(error.status, error.code, str(error))


async def close_prompt(call: Call) -> None:
    """Ends a session at the prompt of a board: what it has set is forgotten, and another one may begin."""
    await call.parts.prompts.close(call.device, call.query.session)


def _holder(call: Call) -> str:
    """Names the caller for others, and for the journal."""
    admitted, address = call.admitted, call.caller.address or "this machine"
    if admitted.token_id is not None:
        return f"the operator with the token {admitted.token_id}, at {address}"
    return f"a browser at {address}" if admitted.session_id is not None else f"an operator at {address}"


OPERATIONS = [
    Operation(
        method="POST", path="/api/devices/{device}/prompt", tag=_TAG, handle=run_at_prompt, need=Need.CHANGE,
        body=PromptCode, answer=PromptResult, errors=(409, 429, 502, 503, 504),
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}/prompt", tag=_TAG, handle=close_prompt, need=Need.CHANGE,
        query=PromptQuery, status=204,
    ),
]  # fmt: skip
