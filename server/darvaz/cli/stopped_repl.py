"""`darvaz repl DEVICE --stop`: code in place of the board's program, as it prints, with input and Ctrl-C."""

from __future__ import annotations

import codecs
import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from darvaz.cli.remote import client_of
from darvaz.cli.remote_repl import converse
from darvaz.cli.tunnel import is_expression
from darvaz.client.stopped_prompt import StoppedPrompt
from darvaz.text.terminal import visible

_READ_BYTES = 1_024


def run_stopped_repl(gateway: str, device: str) -> None:
    """Runs what is typed until Ctrl-D, or what a pipe has; a traceback in a pipe ends with status 1."""
    with client_of(gateway) as client, StoppedPrompt(client, device) as prompt:
        if not sys.stdin.isatty():
            if not _run(prompt, sys.stdin.read(), None):
                sys.exit(1)
            return
        click.echo(f"The program of {visible(device)} is stopped; Ctrl-D starts it again, and leaves.", err=True)
        converse(lambda text: _run_at_terminal(prompt, text))


def _run_at_terminal(prompt: StoppedPrompt, text: str) -> None:
    with _keys() as typed:
        _run(prompt, text, typed)


def _run(prompt: StoppedPrompt, text: str, typed: Callable[[float], bytes] | None) -> bool:
    """Runs code and shows what it prints as it comes; returns whether it ended without an exception."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(data: bytes) -> None:
        click.echo("\n".join(map(visible, decoder.decode(data).replace("\r", "").split("\n"))), nl=False)

    error = prompt.run(text, show, typed, is_value=is_expression(text))
    for line in (error or "").splitlines():
        click.echo(visible(line))
    return error is None


@contextmanager
def _keys() -> Iterator[Callable[[float], bytes]]:
    """Lends what is typed key by key, as the board shows it itself; Ctrl-C stays a signal."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)

    def typed(wait_s: float) -> bytes:
        readable, _, _ = select.select([fd], [], [], wait_s)
        # The end of a line is a carriage return on a board's terminal.
        return os.read(fd, _READ_BYTES).replace(b"\n", b"\r") if readable else b""

    try:
        yield typed
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
