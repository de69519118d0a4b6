"""`darvaz backup`: copies everything that belongs to a data folder into one file, whether the gateway runs or not."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from darvaz import __version__
from darvaz.cli.data_folder import data_option
from darvaz.cli.transfer import STREAM, copying, describe
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@data_option
def backup(file: Path, force: bool, as_json: bool, data: Path) -> None:
    """Copy the gateway's data into FILE: tokens, devices, journal, history and kept frames.

    The gateway may run meanwhile; boards notice nothing. FILE is an archive (tar) that only its owner can read, and
    the gateway is open to anyone with it. `darvaz restore` puts it back. With - for FILE it goes to standard output,
    as out of a container.
    """
    from darvaz.gateway.storage.backup import make_backup, stream_backup

    is_stream, folder = file == STREAM, data.expanduser()
    if is_stream and sys.stdout.isatty():
        raise click.UsageError("a terminal cannot keep a backup: name a file, or write > FILE behind the -")
    with copying("copied") as progress:
        if is_stream:
            stream = sys.stdout.buffer
            made = stream_backup(folder, stream, darvaz=__version__, made_s=time.time(), progress=progress)
            stream.flush()
        else:
            made = make_backup(folder, file, darvaz=__version__, made_s=time.time(), replace=force, progress=progress)
    about = describe(file, made)
    if as_json:
        click.echo(visible_json(about, indent=2), err=is_stream)
    else:
        size = f"{len(made.files)} files, {about['bytes'] / 1e6:.1f} MB"
        name, source = ("standard output", "- < FILE") if is_stream else (file, file)
        click.echo(f"{name}: {size}. To restore: darvaz restore {source}", err=is_stream)
