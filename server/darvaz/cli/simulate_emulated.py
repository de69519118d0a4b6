"""`darvaz simulate --emulated`: a Pico W with the official firmware, flashed and online, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from darvaz.boards.emulated import EmulatedPico, NoEmulator
from darvaz.boards.emulated.flashing import flash
from darvaz.boards.emulated.packages import fetch
from darvaz.cli.board_output import BoardOutput


def run_emulated(device: str, gateway: str, folder: Path, output: BoardOutput, *words: str) -> None:
    """Runs one board until a signal ends us; its lines are printed from when it is online."""
    is_flashed = threading.Event()

    def show(line: str) -> None:
        # Before, the port carries what the flasher sends.
        if is_flashed.is_set():
            output.show_line(device, line)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        emulator = fetch(lambda sentence: click.echo(f"… {sentence}", err=True))
        with EmulatedPico(folder, gateway, emulator=emulator, on_line=show) as board:
            output.tell(f"an emulated Pico W at {gateway}, flashed in about half a minute; Ctrl-C ends it.")
            output.show_port(device, board.port)
            done = flash(board, device, gateway, *words, shows=True)
            if done.code != 0:
                raise click.ClickException(done.err or f"{device} is not online")
            is_flashed.set()
            threading.Event().wait()
    except (NoEmulator, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        output.tell("switching off")
