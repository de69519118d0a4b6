"""The firmware over HTTP, at /api/firmware: for the page that flashes a board from the browser."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.firmware_bundles import FirmwareError
from darvaz.gateway.http.json_answers import JSON, NO_STORE
from darvaz.gateway.http.problems import problem


class FirmwareQuery(msgspec.Struct, forbid_unknown_fields=True):
    """For which board."""

    kind: Literal["pico", "esp32cam"]
    mpy: Annotated[
        int, Meta(ge=0, le=255, description="The version of .mpy files that it loads: sys.implementation._mpy & 255.")
    ]


class FirmwareAnswer(msgspec.Struct):
    """Every file for a board, main.py last."""

    files: Annotated[dict[str, str], Meta(description="Base64 by path on the board.")]
    why_source: Annotated[str | None, Meta(description="Why the library is source; null if it is compiled.")]


async def read_firmware(call: Call) -> Response:
    """Returns the firmware for a kind of board, the library compiled for its MicroPython where that can be."""
    try:
        bundle = await call.while_connected(call.parts.firmware.make(call.query.kind, call.query.mpy))
    except FirmwareError as error:
        return problem(503, "no_firmware", str(error))
    return Response(bundle, media_type=JSON, headers=NO_STORE)


OPERATIONS = [
    Operation(
        method="GET", path="/api/firmware", tag="Devices", handle=read_firmware, need=Need.ADMINISTER,
        query=FirmwareQuery, answer=FirmwareAnswer, errors=(503,),
    ),
]  # fmt: skip
