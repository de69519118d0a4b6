"""`darvaz record`: makes a film of a camera, at its own speed or as a time-lapse."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import Any

import click

from darvaz.cli.remote import explained_errors, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client.asynchronous import AsyncGateway
from darvaz.client.errors import GatewayError, Unreachable
from darvaz.client.film import Film, FilmError
from darvaz.client.film_start import FilmStart
from darvaz.client.requests import CameraFrame
from darvaz.gateway.frames.demand import SIZES
from darvaz.text.terminal import visible_json

_RETRY_S = 1.0
_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LAPSE_FPS = 25.0
_SUFFIXES = (".mkv", ".mp4")


@click.command()
@click.argument("device")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to make: .mkv keeps the frames as they are, .mp4 is H.264, which every player knows.",
)
@click.option("--seconds", "for_s", type=click.FloatRange(0.1, 31_536_000), help="How long [default: until Ctrl-C].")
@click.option("--fps", type=click.FloatRange(0.1, 60), help="Frames a second to ask for.")
@click.option("--size", type=click.Choice(list(SIZES)), help="Frame size to ask for.")
@click.option("--every", "every_s", type=click.FloatRange(0.1, 86_400), help="Time-lapse: seconds between frames.")
@click.option("--play-fps", type=click.FloatRange(1, 120), help=f"Time-lapse: frames a second [{_LAPSE_FPS:g}].")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@json_option
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
    as_json: bool,
    gateway: str,
) -> None:
    """Record the camera DEVICE; Ctrl-C or SIGTERM ends the film, and the file is complete.

    Each frame is shown at the time when it arrived. While the camera or the gateway is away, the film stands still.
    """
    if output.suffix.lower() not in _SUFFIXES:
        raise click.BadParameter(f"{output.name}: expected a name that ends with {' or '.join(_SUFFIXES)}")
    if output.exists() and not force:
        raise click.ClickException(f"{output} exists already; --force replaces it")
    if play_fps is not None and every_s is None:
        raise click.UsageError("--play-fps needs --every")
    params = {"fps": min(1 / every_s, 60) if every_s else fps, "size": size}
    query = {name: str(value) for name, value in params.items() if value is not None}
    try:
        with explained_errors(), Film(output) as film, contextlib.suppress(KeyboardInterrupt):
            # Ctrl-C is how a recording ends, so it is not a failure.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            lapse_fps = (play_fps or _LAPSE_FPS) if every_s else None
            asyncio.run(_until_signal(_record(film, _frames(gateway, device, query), for_s, lapse_fps)))
            for number in _END_SIGNALS:
                # The file is being completed, and a second signal must not end that.
                signal.signal(number, signal.SIG_IGN)
    except FilmError as error:
        raise click.ClickException(str(error)) from None
    _report(film, output, as_json)


def _report(film: Film, output: Path, as_json: bool) -> None:
    if not film.frames:
        raise click.ClickException("no frame arrived, so there is no film")
    if as_json:
        made = {"file": str(output), "frames": film.frames, "length_s": film.length_s, "broken": film.broken}
        click.echo(visible_json(made))
        return
    broken = f", {film.broken} broken ones left out" if film.broken else ""
    click.echo(f"{output}: {film.frames} frames, {film.length_s:.1f} s{broken}")


async def _until_signal(recording: Coroutine[Any, Any, None]) -> None:
    """Runs a recording to its end, or until a signal ends it."""
    task = asyncio.ensure_future(recording)
    loop = asyncio.get_running_loop()
    # Windows has no such handlers: there Ctrl-C raises KeyboardInterrupt.
    with contextlib.suppress(NotImplementedError):
        for number in _END_SIGNALS:
            loop.add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _record(
    film: Film, frames: AsyncGenerator[CameraFrame], for_s: float | None, lapse_fps: float | None
) -> None:
    """Adds frames until the time is over; for a time-lapse the gateway sends only the frames that are due."""
    start = FilmStart()
    try:
        async with contextlib.aclosing(frames), asyncio.timeout(for_s):
            async for frame in frames:
                if lapse_fps:
                    film.add(frame.data, film.frames / lapse_fps)
                    continue
                for due in start.receive(frame, time.monotonic()):
                    film.add(due.data, due.time)
    except TimeoutError:
        pass
    finally:
        for due in start.rest():
            film.add(due.data, due.time)


async def _frames(gateway: str, device: str, query: dict[str, str]) -> AsyncGenerator[CameraFrame]:
    """Yields the frames of a camera, and reconnects when a connection ends; only the first one must succeed."""
    was_connected = False
    async with AsyncGateway(gateway) as client:
        while True:
            try:
                # A time-lapse may have one frame a day: silence is not an error.
                async with client.open_frames(device, query, silence_max_s=None) as frames:
                    was_connected = True
                    async for frame in frames:
                        yield frame
            except GatewayError as error:
                if not was_connected or not _may_return(error):
                    raise
            await asyncio.sleep(_RETRY_S)


def _may_return(error: GatewayError) -> bool:
    return isinstance(error, Unreachable) or error.status >= 500
