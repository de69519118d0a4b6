"""The prompt of `darvaz repl DEVICE`: lines are edited here, and run beside the program of the board."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable

import click

from darvaz.cli.remote import client_of
from darvaz.cli.tunnel import is_expression
from darvaz.client.prompt import RemotePrompt
from darvaz.text.terminal import visible
from darvaz.tunnel.raw_prompt import is_incomplete


def run_remote_repl(gateway: str, device: str) -> None:
    """Runs what is typed until Ctrl-D, or what a pipe has; a traceback in a pipe ends with status 1."""
    with client_of(gateway) as client, RemotePrompt(client, device) as prompt:
        if not sys.stdin.isatty():
            if not _run(prompt, sys.stdin.read()):
                sys.exit(1)
            return
        version = prompt.run("import sys; print(sys.version)")[0].strip()
        click.echo(f"MicroPython {visible(version)}, beside the program of {visible(device)}; Ctrl-D leaves.", err=True)
        converse(lambda text: _run_and_wait(prompt, text))


def converse(run: Callable[[str], None]) -> None:
    """Edits lines and runs what they make, until Ctrl-D."""
    # Ctrl-C is for the line that is typed, or for what runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(ImportError):
        # Its import is what lets input() edit lines.
        import readline  # noqa: F401
    text = ""
    while True:
        try:
            line = input("... " if text else ">>> ")
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            text = ""
            click.echo("\nKeyboardInterrupt")
            continue
        text = f"{text}\n{line}" if text else line
        if is_incomplete(text, line):
            continue
        if text.strip():
            run(text)
        text = ""


def _run_and_wait(prompt: RemotePrompt, text: str) -> None:
    try:
        _run(prompt, text)
    except KeyboardInterrupt:
        click.echo("\nthe board goes on with it; until it ends, other code is refused")


def _run(prompt: RemotePrompt, text: str) -> bool:
    """Runs code and shows what it printed; returns whether it ended without an exception."""
    output, error = prompt.run(text, is_value=is_expression(text))
    for line in (output + (error or "")).splitlines():
        click.echo(visible(line))
    return error is None
