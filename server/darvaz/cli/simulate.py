"""`darvaz simulate`: runs virtual boards, online at the gateway, and prints what they print."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from darvaz.boards.program import ProgramError
from darvaz.boards.program.folder import KINDS
from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import MAIN, write_flash
from darvaz.boards.virtual.micropython import NoMicroPython
from darvaz.boards.virtual.pictures import NoPictures, draw_frame
from darvaz.cli.app_option import program_of
from darvaz.cli.board_output import BoardOutput
from darvaz.cli.remote import client_of, gateway_option
from darvaz.client import requests, update_requests
from darvaz.client.errors import GatewayError, Unreachable
from darvaz.client.synchronous import Gateway
from darvaz.text.terminal import visible

BOARDS_MAX = 500
_COUNT = click.IntRange(0, BOARDS_MAX)
# Enrolment is closed, or used too often: from this machine, boards need no token.
_NO_TOKEN_STATUS = (403, 429)


@click.command()
@click.option("--pico", "picos", type=_COUNT, default=1, show_default=True, help="How many Picos.")
@click.option("--esp32cam", "cameras", type=_COUNT, default=1, show_default=True, help="How many cameras.")
@click.option(
    "--app", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Run the program of this folder, such as one of `darvaz new`, on one board or on as many as --pico says.",
)  # fmt: skip
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the boards' files in this folder.")
@click.option("--emulated", is_flag=True, help="Instead, run a Pico W with the official firmware on an emulated chip.")
@click.option("--source", "is_source", is_flag=True, help="Give the boards the library as .py, to be read there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@gateway_option
@click.pass_context
def simulate(
    context: click.Context,
    picos: int,
    cameras: int,
    app: Path | None,
    keep: Path | None,
    emulated: bool,
    is_source: bool,
    as_json: bool,
    gateway: str,
) -> None:
    """Run virtual boards with the real firmware, until Ctrl-C.

    Each is MicroPython in a process of its own, with simulated pins, Wi-Fi and camera; mpremote uses its serial
    port as it does a real one.
    """
    output = BoardOutput(as_json)
    program = None if app is None else program_of(app, "pico" if emulated else None)
    if emulated:
        words = [
            *(["--source"] if is_source else []),
            *(["--json"] if as_json else []),
            *(["--app", str(app)] if app is not None else []),
        ]
        _simulate_emulated(keep, gateway, output, *words)
        return
    if program is not None:
        picos, cameras = _counts(context, program.kind or KINDS[0])
    if picos + cameras == 0:
        raise click.UsageError("nothing to simulate: ask for at least one board, such as --pico 1")
    try:
        if cameras:
            draw_frame("QVGA", 50, 0, "")
        with client_of(gateway) as client:
            online = _online_devices(client)
            prefix = "" if program is None else program.name
            devices = [*_names("pico", picos, online, prefix), *_names("esp32cam", cameras, online, prefix)]
            tokens = [_new_token(client, kind) for kind, _ in devices]
            keys = [_update_key(client, device) for _, device in devices]
        with _folder(keep) as folder:
            files = None if program is None else program.read()
            asyncio.run(_run(devices, tokens, keys, gateway, folder, is_source, files, output))
    except ProgramError as error:
        raise click.ClickException(visible(str(error))) from None
    except (NoMicroPython, NoPictures) as error:
        raise click.ClickException(str(error)) from None


def _simulate_emulated(keep: Path | None, gateway: str, output: BoardOutput, *words: str) -> None:
    # Here, because its packages are for Linux and macOS alone.
    from darvaz.cli.simulate_emulated import run_emulated

    with client_of(gateway) as client:
        online = _online_devices(client)
    device = next(name for name in (f"emulated-pico-{number}" for number in itertools.count(1)) if name not in online)
    with _folder(keep) as folder:
        run_emulated(device, gateway, folder / device, output, *words)


def _counts(context: click.Context, kind: str) -> tuple[int, int]:
    """Returns how many boards of each kind run a program: what was asked for, else one of its kind."""
    counts = {KINDS[0]: "picos", KINDS[1]: "cameras"}
    is_given = {name: context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in counts.values()}
    if wrong := [other for other, name in counts.items() if other != kind and is_given[name] and context.params[name]]:
        raise click.UsageError(f"the program is for the kind {kind}, not {wrong[0]}: its darvaz.toml says so")
    picos, cameras = (context.params[name] if is_given[name] else int(other == kind) for other, name in counts.items())
    return picos, cameras


def _names(kind: str, count: int, online: set[str], prefix: str) -> list[tuple[str, str]]:
    """Returns the first names that no online device has: a second board of one name would replace the first."""
    names = (f"{prefix or f'virtual-{kind}'}-{number}" for number in itertools.count(1))
    return [(kind, name) for name in itertools.islice((name for name in names if name not in online), count)]


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="darvaz-boards-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _online_devices(client: Gateway) -> set[str]:
    """Returns the names of the devices that are online, or none where the gateway does not list them for us."""
    try:
        return {info["id"] for info in client.ask(requests.devices()) if info["online"]}
    except Unreachable:
        raise
    except GatewayError:
        return set()


def _new_token(client: Gateway, kind: str) -> str | None:
    """Returns a token for a new device, or None where the gateway gives us none."""
    try:
        token: str = client.ask(requests.public_token(kind))
    except GatewayError as error:
        if error.status not in _NO_TOKEN_STATUS:
            raise
        return None
    return token


def _update_key(client: Gateway, device: str) -> dict[str, str]:
    """Returns the setting with which a board takes updates; none where the gateway gives us no key."""
    try:
        return {"update_key": client.ask(update_requests.update_key(device))}
    except GatewayError:
        return {}


async def _run(
    devices: list[tuple[str, str]],
    tokens: list[str | None],
    keys: list[dict[str, str]],
    gateway: str,
    folder: Path,
    is_source: bool,
    program: Mapping[str, bytes] | None,
    output: BoardOutput,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    output.tell(f"{len(devices)} virtual board(s) at {gateway}; Ctrl-C ends them.")
    async with contextlib.AsyncExitStack() as stack:
        for (kind, device), token, key in zip(devices, tokens, keys, strict=True):
            flash = folder / device
            url = gateway.replace("http", "ws", 1)
            is_ours = write_flash(
                flash, kind, device, url, token, is_source=is_source, program=program, log_level="debug", **key
            )
            if not is_ours:
                output.tell(f"{flash / MAIN} is kept: it is not our program; without it, the board gets ours")
            on_line = partial(output.show_line, device)
            board = await stack.enter_async_context(VirtualBoard(kind, flash, name=device, on_line=on_line))
            output.show_port(device, board.port)
        await stop.wait()
        output.tell("switching off")
