"""The prompt of a board over HTTP: code of an operator, journalled with who ran it.

It runs beside the program, or in its place once the program is stopped.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.http.problems import problem
from darvaz.gateway.prompts.prompts import PromptOutput, PromptResult

_TAG = "Prompt"
CODE_CHARS_MAX = 12_000
INPUT_CHARS_MAX = 8_192
_PLACE_MAX = 2**53

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


class PromptStop(msgspec.Struct, forbid_unknown_fields=True):
    """Which session stops the program; it starts again when the session ends."""

    session: PromptSession


class PromptInput(msgspec.Struct, forbid_unknown_fields=True):
    """Bytes in base64 for code that runs in place of the program; 3 is Ctrl-C."""

    session: PromptSession
    data: Annotated[str, Meta(max_length=INPUT_CHARS_MAX)]


class PromptPlace(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """From where the output is wanted; what is before it is not kept any longer."""

    session: PromptSession
    at: Annotated[int, Meta(ge=0, le=_PLACE_MAX)] = 0


async def run_at_prompt(call: Call) -> PromptResult | Response:
    """Runs code beside the program of a board and returns what it printed; a traceback is not an error."""
    body, device, holder = call.body, call.device, _holder(call)
    _record(call, code=body.code)
    try:
        return await call.while_connected(
            call.parts.prompts.run(
                device, body.code, session=body.session, holder=holder, is_value=body.value, has_more=body.more
            )
        )
    except CommandError as error:
        return problem(error.status, error.code, str(error))


async def stop_program(call: Call) -> Response | None:
    """Stops the program of a board until the session ends; from now on, code runs in its place."""
    _record(call, stopped=True)
    try:
        return await call.while_connected(
            call.parts.prompts.stop(call.device, session=call.body.session, holder=_holder(call))
        )
    except CommandError as error:
        return problem(error.status, error.code, str(error))


async def start_at_prompt(call: Call) -> Response | None:
    """Runs code in place of the stopped program and answers at once; its output is to be read."""
    body = call.body
    _record(call, code=body.code)
    try:
        return await call.while_connected(
            call.parts.prompts.begin(
                call.device, body.code, session=body.session, holder=_holder(call), is_value=body.value,
                has_more=body.more,
            )
        )  # fmt: skip
    except CommandError as error:
        return problem(error.status, error.code, str(error))


async def type_at_prompt(call: Call) -> Response | None:
    """Gives input, or Ctrl-C, to the code that runs in place of the program."""
    try:
        data = base64.b64decode(call.body.data, validate=True)
    except binascii.Error:
        return problem(422, "invalid", "data: expected base64")
    try:
        await call.parts.prompts.type(call.device, data, session=call.body.session, holder=_holder(call))
    except CommandError as error:
        return problem(error.status, error.code, str(error))
    return None


async def read_at_prompt(call: Call) -> PromptOutput | Response:
    """Returns what code in place of the program has printed, at the latest after 20 s; it is kept for one reader."""
    query = call.query
    try:
        return await call.while_connected(
            call.parts.prompts.read(call.device, query.at, session=query.session, holder=_holder(call))
        )
    except CommandError as error:
        return problem(error.status, error.code, str(error))


async def close_prompt(call: Call) -> None:
    """Ends a session at the prompt of a board: what it has set is forgotten, and a stopped program starts again."""
    await call.parts.prompts.close(call.device, call.query.session)


def _record(call: Call, **fields: object) -> None:
    known = call.parts.devices.get(call.device)
    if known is not None:
        payload = msgspec.json.encode({"by": _holder(call), **fields}).decode()
        call.record("prompt", payload, call.device, known.kind)


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
        method="POST", path="/api/devices/{device}/prompt/stop", tag=_TAG, handle=stop_program, need=Need.CHANGE,
        body=PromptStop, status=204, errors=(409, 429, 502, 503, 504),
    ),
    Operation(
        method="POST", path="/api/devices/{device}/prompt/code", tag=_TAG, handle=start_at_prompt, need=Need.CHANGE,
        body=PromptCode, status=204, errors=(409, 429, 502, 503, 504),
    ),
    Operation(
        method="POST", path="/api/devices/{device}/prompt/input", tag=_TAG, handle=type_at_prompt, need=Need.CHANGE,
        body=PromptInput, status=204, errors=(409, 429, 503),
    ),
    Operation(
        method="GET", path="/api/devices/{device}/prompt/output", tag=_TAG, handle=read_at_prompt, need=Need.CHANGE,
        query=PromptPlace, answer=PromptOutput, errors=(409, 429, 502, 503),
    ),
    Operation(
        method="DELETE", path="/api/devices/{device}/prompt", tag=_TAG, handle=close_prompt, need=Need.CHANGE,
        query=PromptQuery, status=204,
    ),
]  # fmt: skip
