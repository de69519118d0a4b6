"""`darvaz simulate`: boards without boards, online at the gateway, with a line for everything they say."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import httpx

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from darvaz.boards.virtual.interpreter import NoMicroPython
from darvaz.boards.virtual.pictures import NoPictures, draw_frame
from darvaz.cli.remote import credentials, gateway_option
from darvaz.text.terminal import visible

BOARDS_MAX = 500
_COUNT = click.IntRange(0, BOARDS_MAX)
_ASK_DEADLINE_S = 10.0
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue")
_KIND_KEYS = {"pico": "pico_tokens", "esp32cam": "esp32cam_tokens"}


@click.command()
@click.option("--pico", "picos", type=_COUNT, default=1, show_default=True, help="How many Picos.")
@click.option("--esp32cam", "cameras", type=_COUNT, default=1, show_default=True, help="How many cameras.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the boards' files in this folder.")
@gateway_option
def simulate(picos: int, cameras: int, keep: Path | None, gateway: str) -> None:
    """Run virtual boards with the real firmware, until Ctrl-C.

    Each is MicroPython in a process of its own, with simulated pins, Wi-Fi and camera; mpremote drives its serial
    port as it would a real one.
    """
    if picos + cameras == 0:
        raise click.UsageError("nothing to simulate: ask for at least one board, such as --pico 1")
    try:
        if cameras:
            draw_frame("QVGA", 50, 0, "")
        taken = _fetch_taken(gateway)
        devices = [*_names("pico", picos, taken), *_names("esp32cam", cameras, taken)]
        tokens = _fetch_tokens(gateway, devices)
        with _folder(keep) as folder:
            asyncio.run(_run(devices, tokens, gateway, folder))
    except (NoMicroPython, NoPictures) as error:
        raise click.ClickException(str(error)) from None


def _names(kind: str, count: int, taken: set[str]) -> list[tuple[str, str]]:
    """Returns the first names that nobody has who is here: two boards of one name would push each other out."""
    names = (f"virtual-{kind}-{number}" for number in itertools.count(1))
    return [(kind, name) for name in itertools.islice((name for name in names if name not in taken), count)]


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="darvaz-boards-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _asking(gateway: str) -> Iterator[httpx.Client]:
    """Lends a client for the gateway; no answer leaves as a sentence."""
    try:
        with httpx.Client(base_url=gateway, timeout=_ASK_DEADLINE_S, trust_env=False) as client:
            yield client
    except httpx.HTTPError as error:
        raise click.ClickException(f"no gateway at {gateway} ({error}); start one with: darvaz serve") from None


def _fetch_taken(gateway: str) -> set[str]:
    """Returns the names of the devices that are here, or none where the gateway does not tell us."""
    with _asking(gateway) as client:
        answer = client.get("/api/devices", headers=credentials(gateway))
    try:
        return {device["id"] for device in answer.json()["devices"] if device["online"]}
    except (ValueError, KeyError, TypeError):
        return set()


def _fetch_tokens(gateway: str, devices: list[tuple[str, str]]) -> list[str | None]:
    """Returns a token for each device, or None for each where the gateway gives none to us."""
    with _asking(gateway) as client:
        return [_fetch_token(client, kind) for kind, _ in devices]


def _fetch_token(client: httpx.Client, kind: str) -> str | None:
    answer = client.get("/public/tokens")
    if answer.status_code == 200:
        token: str = answer.json()[_KIND_KEYS[kind]][0]
        return token
    if answer.status_code in (403, 429):
        # From this very machine boards may come without one.
        return None
    raise click.ClickException(f"{client.base_url} does not look like a Darvaz gateway (HTTP {answer.status_code})")


async def _run(devices: list[tuple[str, str]], tokens: list[str | None], gateway: str, folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    click.echo(f"{len(devices)} virtual board(s) at {gateway}; Ctrl-C ends them.")
    async with contextlib.AsyncExitStack() as stack:
        for at, ((kind, device), token) in enumerate(zip(devices, tokens, strict=True)):
            flash = folder / device
            write_flash(flash, kind, device, gateway.replace("http", "ws", 1), token, log_level="debug")
            tell = _teller(device, _COLOURS[at % len(_COLOURS)])
            board = await stack.enter_async_context(VirtualBoard(kind, flash, name=device, on_line=tell))
            tell(f"switched on; mpremote connect {board.port}")
        await stop.wait()
        click.echo("switching off")


def _teller(device: str, colour: str) -> Callable[[str], None]:
    prefix = click.style(f"{device:>20} ", fg=colour)

    def tell(line: str) -> None:
        if line.strip():
            click.echo(prefix + visible(line))
            sys.stdout.flush()

    return tell
