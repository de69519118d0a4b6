"""How the command ends: one sentence and an exit code for each failure, on outputs of any encoding and any size."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

import click

from darvaz.cli.exit_codes import ExitCode


def run(command: Callable[[], Any]) -> NoReturn:
    """Runs a command to its end, and exits with its code."""
    for stream in (sys.stdout, sys.stderr):
        _accept_every_letter(stream)
    output = sys.stdout
    try:
        code = command()
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(ExitCode.FAILED)
    except SystemExit:
        if sys.stdout is not output:
            # click replaces it, and ends with 1, when the reader of a pipe has enough.
            sys.exit(ExitCode.DONE)
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        _end_output(error)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _end_output(error: OSError) -> NoReturn:
    """Exits after the output could not be written; a reader that has enough, such as `head`, is not a failure."""
    # Python would try again at its end.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno in (errno.EPIPE, errno.EINVAL):
        # Windows has EINVAL for a pipe that was closed.
        sys.exit(ExitCode.DONE)
    with contextlib.suppress(OSError):
        click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
    sys.exit(ExitCode.FAILED)


def _accept_every_letter(stream: TextIO) -> None:
    """Lets a stream show what its encoding lacks as an escape: a name may have any letter, a terminal few."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        with contextlib.suppress(ValueError, OSError):
            reconfigure(errors="backslashreplace")
