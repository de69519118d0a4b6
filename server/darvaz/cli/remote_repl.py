"""The prompt of `darvaz repl DEVICE`: lines are edited here, and run beside the program of the board."""

from __future__ import annotations

import contextlib
import signal
import sys

import click

from darvaz.cli.remote import client_of
from darvaz.cli.tunnel import is_expression
from darvaz.client.prompt import RemotePrompt
from darvaz.text.terminal import visible


def run_remote_repl(gateway: str, device: str) -> None:
    """Runs what is typed until Ctrl-D, or what a pipe has; a traceback in a pipe ends with status 1."""
    with client_of(gateway) as client, RemotePrompt(client, device) as prompt:
        if not sys.stdin.isatty():
            if not _run(prompt, sys.stdin.read()):
                sys.exit(1)
            return
        version = prompt.run("import sys; print(sys.version)")[0].strip()
        click.echo(f"MicroPython {visible(version)}, beside the program of {visible(device)}; Ctrl-D leaves.", err=True)
        # Ctrl-C is for the line that is typed, or the wait for an answer.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(ImportError):
            # Its import is what lets input() edit lines.
            import readline  # noqa: F401
        _converse(prompt)


def _converse(prompt: RemotePrompt) -> None:
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
        if _is_incomplete(text, line):
            continue
        if text.strip():
            _run_and_wait(prompt, text)
        text = ""


def _run_and_wait(prompt: RemotePrompt, text: str) -> None:
    try:
        _run(prompt, text)
    except KeyboardInterrupt:
        click.echo("\nthe board goes on with it; until it ends, other code is refused")


def _is_incomplete(text: str, line: str) -> bool:
    """Whether more lines follow, as in a function; an empty line ends it."""
    import codeop

    try:
        return codeop.compile_command(text + "\n" * (not line)) is None
    except (SyntaxError, ValueError, OverflowError):
        # The board says what is wrong.
        return False


def _run(prompt: RemotePrompt, text: str) -> bool:
    """Runs code and shows what it printed; returns whether it ended without an exception."""
    output, error = prompt.run(text, is_value=is_expression(text))
    for line in (output + (error or "")).splitlines():
        click.echo(visible(line))
    return error is None
