"""`darvaz ls`: lists the files of a board."""

from __future__ import annotations

import click

from darvaz.boards.serial import FileEntry
from darvaz.cli.boards import port_option, stopped
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("folder", default="/")
@json_option
@port_option
def ls(folder: str, as_json: bool, port: str) -> None:
    """List the files of a board, below FOLDER, and the space that is left.

    This stops the board's program, and starts it again.
    """
    with stopped(port) as prompt:
        entries = prompt.list_files("/" + folder.strip("/"))
        free_bytes = prompt.free_bytes()
        if as_json:
            _show_json(entries, free_bytes)
            return
        for entry in entries:
            click.echo(_line(entry))
        files = [entry for entry in entries if not entry.is_folder]
        size_bytes = sum(entry.size_bytes for entry in files)
        click.echo(f"{len(files)} files, {size_bytes:,} bytes; {free_bytes:,} bytes are free.", err=True)


def _show_json(entries: list[FileEntry], free_bytes: int) -> None:
    files = [{"path": entry.path, "is_folder": entry.is_folder, "size_bytes": entry.size_bytes} for entry in entries]
    click.echo(visible_json({"files": files, "free_bytes": free_bytes}, indent=2))


def _line(entry: FileEntry) -> str:
    size = "" if entry.is_folder else f"{entry.size_bytes:,}"
    return f"{size:>10}  {visible(entry.path)}{'/' if entry.is_folder else ''}"
