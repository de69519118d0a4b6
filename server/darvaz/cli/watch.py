"""`darvaz watch`: on each save, the board runs what is saved, and its log is here."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import click

from darvaz.boards.program import Program, ProgramError, read_program
from darvaz.cli.app_option import program_of
from darvaz.cli.live_program import POLL_S, LiveProgram, follow_log
from darvaz.cli.remote import client_of, gateway_option, sentence_of
from darvaz.cli.verb_options import json_option
from darvaz.client.errors import GatewayError
from darvaz.client.synchronous import Gateway

# How often it is looked whether the board went back.
_LOOK_EVERY_S = 1.0

Stamp = tuple[tuple[str, int, int], ...]


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--device", required=True, help="The board that runs it.")
@click.option("--keep", "keeps", is_flag=True, help="At the end, make the last save the board's program.")
@json_option
@gateway_option
def watch(folder: Path, device: str, keeps: bool, as_json: bool, gateway: str) -> None:
    """Run the program in FOLDER on a board, and again after each save, until Ctrl-C.

    Only changed files travel, the board restarts with them, and its log and tracebacks are shown. At the end the board
    gets back the program before.
    """
    program = program_of(folder)
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with client_of(gateway) as client:
        live = LiveProgram(client, device, program.name, as_json=as_json)
        follow_log(gateway, device, is_over, Gateway, as_json=as_json)
        live.say("watching", f"watching {folder} for {device}; Ctrl-C ends it", folder=str(folder))
        try:
            _watch(program, live, is_over)
        finally:
            live.end(keeps=keeps)


def _watch(program: Program, live: LiveProgram, is_over: threading.Event) -> None:
    sent: Stamp | None = None
    looked_s = time.monotonic()
    while not is_over.is_set():
        stamp = stamp_of(program)
        # Twice the same: an editor that writes several files is done.
        if stamp != sent and not is_over.wait(POLL_S) and stamp == stamp_of(program):
            sent = stamp
            _send(program, live)
        elif time.monotonic() - looked_s >= _LOOK_EVERY_S:
            looked_s = time.monotonic()
            _look(live)
        is_over.wait(POLL_S)


def _send(program: Program, live: LiveProgram) -> None:
    try:
        live.send(read_program(program.folder).read())
    except ProgramError as error:
        live.say("not_sent", f"not sent: {error}", is_bad=True, reason=str(error))
    except GatewayError as error:
        # The next save may find the gateway again.
        live.say("not_sent", f"not sent: {sentence_of(error)}", is_bad=True, reason=sentence_of(error))


def _look(live: LiveProgram) -> None:
    try:
        live.look()
    except GatewayError as error:
        click.echo(sentence_of(error), err=True)


def stamp_of(program: Program) -> Stamp:
    """Returns what changes when a file of a program is saved; empty while it cannot be read."""
    try:
        files = read_program(program.folder).files()
        stats = {path: file.stat() for path, file in files.items()}
    except (ProgramError, OSError):
        return ()
    return tuple((path, found.st_size, found.st_mtime_ns) for path, found in stats.items())
