"""`darvaz backup`: copies everything that belongs to a data folder into one file, whether the gateway runs or not."""

from __future__ import annotations

import time
from pathlib import Path

import click

from darvaz import __version__
from darvaz.cli.data_folder import data_option
from darvaz.cli.transfer import copying, describe
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@data_option
def backup(file: Path, force: bool, as_json: bool, data: Path) -> None:
    """Copy the gateway's data into FILE: tokens, devices, journal, history and kept frames.

    The gateway may run meanwhile; boards notice nothing. FILE is an archive (tar) that only its owner can read, and
    the gateway is open to anyone with it. `darvaz restore` puts it back.
    """
    from darvaz.gateway.storage.backup import make_backup

    with copying("copied") as progress:
        made = make_backup(
            data.expanduser(), file, darvaz=__version__, made_s=time.time(), replace=force, progress=progress
        )
    if as_json:
        click.echo(visible_json(describe(file, made), indent=2))
    else:
        megabytes = file.stat().st_size / 1e6
        click.echo(f"{file}: {len(made.files)} files, {megabytes:.1f} MB. To restore: darvaz restore {file}")
