"""Compiles the hot path: `python -m darvaz.compiled`."""

from __future__ import annotations

import os
import sys

import click

from darvaz.compiled.background import start_in_background
from darvaz.compiled.build import build, is_built
from darvaz.compiled.tools import CannotCompileError

LOWEST_PRIORITY = 19


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--if-possible", is_flag=True, help="If it cannot be compiled, say why and end with status 0.")
@click.option("--in-background", is_flag=True, help="Start a process that compiles at low priority, and return.")
@click.option("--for-tests", is_flag=True, help="Optimise less, in half of the time.")
@click.option("--low-priority", is_flag=True, help="Leave the processor to other programs.")
def main(*, if_possible: bool, in_background: bool, for_tests: bool, low_priority: bool) -> None:
    """Compile what every message goes through, once for each version of the sources.

    The gateway is then about twice as fast. It needs a C compiler; mypyc is downloaded for the time of compiling
    unless it is installed. Without them the gateway runs as plain Python.
    """
    # A gateway that starts uses what is there.
    if is_built(for_tests=for_tests or in_background):
        return
    if in_background:
        click.echo(start_in_background())
        return
    if low_priority and hasattr(os, "nice"):
        os.nice(LOWEST_PRIORITY)
    click.echo("Compiling the hot path (once; about a minute) ...")
    try:
        build(for_tests=for_tests)
    except CannotCompileError as error:
        if not if_possible:
            raise click.ClickException(f"not compiled: {error}") from None
        click.echo(f"Not compiled: {error}\nThe gateway runs as plain Python, at half the speed.")
    except KeyboardInterrupt:
        click.echo("Not compiled: stopped.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
