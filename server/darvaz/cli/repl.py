"""`darvaz repl`: the prompt of a board on USB, through mpremote's console, or of a device through the gateway."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import click
from mpremote.console import Console
from mpremote.repl import do_repl_main_loop

from darvaz.boards.serial import Prompt, Reason, SerialError
from darvaz.boards.serial.serial_port import gone
from darvaz.boards.serial.transport import Transport
from darvaz.cli.boards import explained, port_option
from darvaz.cli.remote import gateway_option


@click.command()
@click.argument("device", required=False)
@click.option("--stop", "stops", is_flag=True, help="Stop the program of DEVICE until the end.")
@port_option
@gateway_option
def repl(device: str | None, stops: bool, port: str, gateway: str) -> None:
    """Type at the prompt of a board: of the one on USB, or of DEVICE through the gateway.

    On USB, the board's program is stopped; Ctrl-] leaves the prompt, Ctrl-D starts the program again, Ctrl-C goes to
    the board. The program of DEVICE goes on: look at its variables and call its functions; Ctrl-D leaves. With --stop,
    code runs in its place, and Ctrl-C ends the code; at the end the board restarts. What is read from a pipe is run as
    one text.
    """
    if stops and device is None:
        raise click.UsageError("--stop is for DEVICE; on USB the program is always stopped")
    if device is not None and stops:
        from darvaz.cli.stopped_repl import run_stopped_repl

        run_stopped_repl(gateway, device)
    elif device is not None:
        from darvaz.cli.remote_repl import run_remote_repl

        run_remote_repl(gateway, device)
    else:
        _run_on_usb(port)


def _run_on_usb(port: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("this is not a terminal; to run code: mpremote connect PORT exec 'print(1)'")
    with explained(), Prompt.open(port, enters=False) as prompt:
        prompt.enter(restarts=False)
        click.echo(f"At the prompt of {prompt.port}; Ctrl-] leaves it, Ctrl-D starts the program again.", err=True)
        prompt.type_into(_run_console)


def _run_console(transport: Transport) -> None:
    console = Console()
    console.enter()
    try:
        is_gone = do_repl_main_loop(
            SimpleNamespace(transport=transport),
            console,
            console.write,
            escape_non_printable=False,
            code_to_inject=None,
            file_to_inject=None,
        )
    except OSError as error:
        raise gone(transport.device_name) from error
    finally:
        console.exit()
    if is_gone:
        raise SerialError(Reason.GONE, f"\nthe board at {transport.device_name} is gone: plug it in again")
