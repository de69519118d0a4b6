"""Compiles the hot path: `python -m darvaz.compiled`."""

from __future__ import annotations

import sys

import click

from darvaz.compiled import PLACE, is_fresh
from darvaz.compiled.build import CannotCompileError, build


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--if-possible", is_flag=True, help="Where it cannot be done, say so and end well.")
def main(*, if_possible: bool) -> None:
    """Compile what every message goes through, once for each version of the sources.

    The gateway is then about twice as fast. It needs a C compiler and mypyc, and runs without, too.
    """
    if is_fresh(PLACE):
        return
    click.echo("Compiling the hot path (once; half a minute) ...")
    try:
        build()
    except CannotCompileError as error:
        if not if_possible:
            raise click.ClickException(f"not compiled: {error}") from None
        click.echo(f"Not compiled: {error}\nThe gateway runs all the same, at half the speed.")
    except KeyboardInterrupt:
        click.echo("Not compiled: stopped.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
