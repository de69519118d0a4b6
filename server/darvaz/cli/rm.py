"""`darvaz rm`: removes files of a device, through the gateway."""

from __future__ import annotations

import click

from darvaz.cli.remote import gateway_option
from darvaz.cli.remote_prompt import RemotePath, needed_path, remote_files
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("path", callback=needed_path, metavar="DEVICE:PATH")
@json_option
@gateway_option
def rm(path: RemotePath, as_json: bool, gateway: str) -> None:
    """Remove a file of a device, or a folder with all that is in it, while its program goes on."""
    if path.path == "/":
        raise click.UsageError("this would remove every file of the board: name a file or a folder")
    with remote_files(gateway, path.device) as files:
        files.remove(path.path)
    click.echo(visible_json(path._asdict()) if as_json else visible(f"{path.device}:{path.path} is removed."))
