"""`darvaz tunnel`: the prompt of a device elsewhere as a port of this machine, for mpremote and editors."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from darvaz.cli.remote import client_of, gateway_option, sentence_of
from darvaz.cli.verb_options import json_option
from darvaz.client.errors import GatewayError
from darvaz.client.prompt import RemotePrompt
from darvaz.text.terminal import visible, visible_json
from darvaz.tunnel.raw_prompt import RawPrompt
from darvaz.tunnel.terminal import TunnelTerminal


@click.command()
@click.argument("device")
@click.option("--link", type=click.Path(path_type=Path), help="Make a link of this name that leads to the port.")
@json_option
@gateway_option
def tunnel(device: str, link: Path | None, as_json: bool, gateway: str) -> None:
    """Give the prompt of DEVICE, wherever it is, a port on this machine, until Ctrl-C.

    mpremote, Thonny and editors use the port like a board on USB, while the board's program goes on.
    """
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with client_of(gateway) as client, RemotePrompt(client, device) as prompt, TunnelTerminal(link) as terminal:

        def run(code: str, is_line: bool) -> tuple[str, str | None]:
            try:
                return prompt.run(code, is_value=is_line and is_expression(code))
            except GatewayError as error:
                # As the board's own error: the tool shows it, and the tunnel goes on.
                return "", f"{sentence_of(error)}\n"

        def reset() -> None:
            try:
                prompt.reset()
            except GatewayError as error:
                click.echo(sentence_of(error), err=True)

        # Before anything waits for it: whether the device is there, and this caller may.
        version, error = prompt.run("import sys; print(sys.version)")
        if error is not None:
            raise click.ClickException(visible(error.strip().splitlines()[-1]))
        banner = f"MicroPython {version.strip()}; {device} through Darvaz, its program goes on"
        raw = RawPrompt(terminal.write, run, reset, visible(banner))
        port = str(link or terminal.path)
        if as_json:
            click.echo(visible_json({"device": device, "port": port}))
        else:
            click.echo(f"{visible(port)} is the prompt of {visible(device)}; Ctrl-C ends it.")
            click.echo(f"Example: mpremote connect {visible(port)} ls", err=True)
        terminal.serve(raw.receive, is_over.is_set)


def is_expression(code: str) -> bool:
    """Whether code is one expression, whose value is shown."""
    try:
        compile(code.strip(), "<prompt>", "eval")
    except (SyntaxError, ValueError):
        return False
    return bool(code.strip())
