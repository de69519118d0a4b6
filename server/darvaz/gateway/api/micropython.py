"""Images of MicroPython over HTTP, at /api/micropython: for the page that installs it on a board from the browser."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import FileResponse, Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.problems import problem
from darvaz.gateway.micropython_images import ImageError, MicropythonImage

_BYTES = "application/octet-stream"


class ImagesAnswer(msgspec.Struct):
    """The images that this gateway has."""

    images: Annotated[list[MicropythonImage], Meta(max_length=3)]


async def list_images(call: Call) -> ImagesAnswer:
    """Lists the images of MicroPython that the gateway has, with their checksums."""
    return ImagesAnswer(await call.parts.micropython.read_all())


async def read_image(call: Call) -> Response:
    """Returns the image of MicroPython for a board, or a range of it."""
    board = str(call.scope["path_params"]["board"])
    found = await call.parts.micropython.find(board)
    if found is None:
        fetches = f"`darvaz firmware --for-browser {board}` on its machine fetches it"
        return problem(404, "no_image", f"the gateway has no image for this board: {fetches}")
    image, path = found
    headers = {"ETag": f'"{image.sha256}"', "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, headers=headers, media_type=_BYTES)


async def fetch_image(call: Call) -> MicropythonImage | Response:
    """Has the gateway download the published image of MicroPython for a board, and compare its checksum."""
    board = str(call.scope["path_params"]["board"])
    try:
        image = await call.while_connected(call.parts.micropython.fetch(board))
    except ImageError as error:
        return problem(503, "no_image", str(error))
    call.record("image fetched", f"{image.name}, SHA-256 {image.sha256}")
    return image


OPERATIONS = [
    Operation(
        method="GET", path="/api/micropython", tag="Devices", handle=list_images, need=Need.ADMINISTER,
        answer=ImagesAnswer,
    ),
    Operation(
        method="GET", path="/api/micropython/{board}", tag="Devices", handle=read_image, need=Need.ADMINISTER,
        answer=str, media=(_BYTES,), errors=(404,),
    ),
    Operation(
        method="POST", path="/api/micropython/{board}", tag="Devices", handle=fetch_image, need=Need.CHANGE,
        answer=MicropythonImage, errors=(503,),
    ),
]  # fmt: skip
