"""`darvaz cat`: prints a file of a device, through the gateway."""

from __future__ import annotations

import base64
import sys

import click

from darvaz.cli.remote import gateway_option
from darvaz.cli.remote_prompt import RemotePath, needed_path, remote_files
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("path", callback=needed_path, metavar="DEVICE:PATH")
@json_option
@gateway_option
def cat(path: RemotePath, as_json: bool, gateway: str) -> None:
    """Print a file of a device, whose program goes on; in a pipe as it is, byte for byte."""
    with remote_files(gateway, path.device) as files:
        data = files.read_file(path.path)
    if as_json:
        content = {"device": path.device, "path": path.path, "base64": base64.b64encode(data).decode()}
        click.echo(visible_json(content))
    elif sys.stdout.isatty():
        for line in data.decode("utf-8", "replace").split("\n"):
            click.echo(visible(line))
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
