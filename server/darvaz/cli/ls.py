"""`darvaz ls`: lists the files of a board."""

from __future__ import annotations

import click

from darvaz.boards.serial import FileEntry
from darvaz.cli.boards import port_option, stopped
from darvaz.text.terminal import visible


@click.command()
@click.argument("folder", default="/")
@port_option
def ls(folder: str, port: str) -> None:
    """List the files of a board, below FOLDER, and the space that is left.

    This stops the board's program, and starts it again.
    """
    with stopped(port) as prompt:
        entries = prompt.list_files("/" + folder.strip("/"))
        free_bytes = prompt.free_bytes()
        for entry in entries:
            click.echo(_line(entry))
        files = [entry for entry in entries if not entry.is_folder]
        size_bytes = sum(entry.size_bytes for entry in files)
        click.echo(f"{len(files)} files, {size_bytes:,} bytes; {free_bytes:,} bytes are free.", err=True)


def _line(entry: FileEntry) -> str:
    size = "" if entry.is_folder else f"{entry.size_bytes:,}"
    return f"{size:>10}  {visible(entry.path)}{'/' if entry.is_folder else ''}"
