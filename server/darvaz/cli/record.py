"""`darvaz record`: makes a film of a camera, as it was or as a time-lapse."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import click
import httpx

from darvaz.cli.remote import address, credentials, explain, gateway_option, refuse
from darvaz.client.film import Film, FilmError
from darvaz.client.multipart import Multipart, MultipartError
from darvaz.client.transport import trusted
from darvaz.gateway.frames.demand import SIZES

_CONNECT_DEADLINE_S = 10.0
_AGAIN_S = 1.0
_LAPSE_FPS = 25.0
_SUFFIXES = (".mkv", ".mp4")


@click.command()
@click.argument("device")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to make: .mkv keeps the pictures as they came, .mp4 is H.264, which everything plays.",
)
@click.option("--seconds", "for_s", type=click.FloatRange(0.1, 31_536_000), help="How long [default: until Ctrl-C].")
@click.option("--fps", type=click.FloatRange(0.1, 60), help="Frames a second to ask for.")
@click.option("--size", type=click.Choice(list(SIZES)), help="Frame size to ask for.")
@click.option("--every", "every_s", type=click.FloatRange(0.1, 86_400), help="Time-lapse: seconds between frames.")
@click.option("--play-fps", type=click.FloatRange(1, 120), help=f"Time-lapse: frames a second [{_LAPSE_FPS:g}].")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@gateway_option
def record(
    device: str,
    output: Path,
    for_s: float | None,
    fps: float | None,
    size: str | None,
    every_s: float | None,
    play_fps: float | None,
    force: bool,
    gateway: str,
) -> None:
    """Record the camera DEVICE; Ctrl-C ends the film, and it is whole.

    Each frame is shown when it arrived. While the camera or the gateway is away the film stands still.
    """
    if output.suffix.lower() not in _SUFFIXES:
        raise click.BadParameter(f"{output.name}: expected a name that ends with {' or '.join(_SUFFIXES)}")
    if output.exists() and not force:
        raise click.ClickException(f"{output} is there already; --force replaces it")
    if play_fps is not None and every_s is None:
        raise click.UsageError("--play-fps needs --every")
    wish = {"fps": min(1 / every_s, 60) if every_s else fps, "size": size}
    query = {name: value for name, value in wish.items() if value is not None}
    try:
        with Film(output) as film, contextlib.suppress(KeyboardInterrupt):
            # Ctrl-C is how filming ends, and no failure.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            lapse_fps = (play_fps or _LAPSE_FPS) if every_s else None
            asyncio.run(_record(film, _frames(gateway, device, query), for_s, lapse_fps))
    except (FilmError, MultipartError) as error:
        raise click.ClickException(str(error)) from None
    _report(film, output)


def _report(film: Film, output: Path) -> None:
    if not film.frames:
        raise click.ClickException("no picture came, so there is no film")
    broken = f", {film.broken} broken ones left out" if film.broken else ""
    click.echo(f"{output}: {film.frames} frames, {film.length_s:.1f} s{broken}")


async def _record(
    film: Film, frames: AsyncGenerator[tuple[float, bytes]], for_s: float | None, lapse_fps: float | None
) -> None:
    """Adds what comes until the time is over; of a time-lapse the gateway sends only the frames that are due."""
    with contextlib.suppress(TimeoutError):
        async with contextlib.aclosing(frames), asyncio.timeout(for_s):
            async for unix_s, jpeg in frames:
                film.add(jpeg, film.frames / lapse_fps if lapse_fps else unix_s)


async def _frames(gateway: str, device: str, query: dict[str, float | str]) -> AsyncGenerator[tuple[float, bytes]]:
    """Yields the frames of a camera, over a new connection when one ends; only the first must be there at once."""
    has_been = False
    url = address(gateway, "api", "devices", device, "stream.mjpeg")
    timeout = httpx.Timeout(_CONNECT_DEADLINE_S, read=None)
    options: dict[str, Any] = {"timeout": timeout, "trust_env": False, "verify": trusted(gateway)}
    async with httpx.AsyncClient(headers=credentials(gateway), **options) as client:
        while True:
            try:
                async with client.stream("GET", url, params=query) as response:
                    if not response.is_success:
                        await response.aread()
                        if not (has_been and response.status_code >= 500):
                            refuse(gateway, response)
                    has_been, parser = True, Multipart()
                    async for data in response.aiter_raw():
                        for frame in parser.receive(data):
                            yield frame
            except httpx.HTTPError as error:
                if not has_been:
                    raise explain(gateway, error) from None
            await asyncio.sleep(_AGAIN_S)
