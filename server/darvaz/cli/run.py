"""`darvaz run`: runs one file on a board, with its log here, and gives the board back its program at the end."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from darvaz.cli.live_program import LiveProgram, follow_log
from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client.synchronous import Gateway
from darvaz.text.terminal import visible

_LOOK_EVERY_S = 1.0


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", required=True, help="The board that runs it.")
@json_option
@gateway_option
def run(file: Path, device: str, as_json: bool, gateway: str) -> None:
    """Run FILE in place of a board's program, with its log here, until Ctrl-C.

    It is a program of its own, with a Device that runs. At the end, the board gets back the program before.
    """
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with client_of(gateway) as client:
        live = LiveProgram(client, device, file.stem, as_json=as_json)
        follow_log(gateway, device, is_over, Gateway, as_json=as_json)
        if not live.send({"/main.py": file.read_bytes()}):
            raise click.ClickException(visible(f"{device} did not take {file.name}"))
        live.say("running", f"{file.name} runs on {device}; Ctrl-C ends it", file=file.name)
        try:
            while not is_over.wait(_LOOK_EVERY_S):
                live.look()
        finally:
            live.end(keeps=False)
