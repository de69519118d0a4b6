"""`darvaz ls`: lists the files of a board on USB, or of a device through the gateway."""

from __future__ import annotations

import click

from darvaz.boards.serial import FileEntry
from darvaz.boards.serial.files import Files
from darvaz.cli.boards import port_option, stopped
from darvaz.cli.remote import gateway_option
from darvaz.cli.remote_prompt import remote_files, remote_path
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("folder", default="/", metavar="[FOLDER]")
@json_option
@port_option
@gateway_option
def ls(folder: str, as_json: bool, port: str, gateway: str) -> None:
    """List the files of a board, below FOLDER, and the space that is left.

    FOLDER is of the board on USB, whose program is stopped and started again; or, as DEVICE:/lib, of a device that
    the gateway reaches, whose program goes on.
    """
    remote = remote_path(folder)
    if remote is not None:
        with remote_files(gateway, remote.device) as files:
            _list(files, remote.path, as_json)
        return
    with stopped(port) as prompt:
        _list(prompt, "/" + folder.strip("/"), as_json)


def _list(files: Files, folder: str, as_json: bool) -> None:
    entries = files.list_files(folder)
    free_bytes = files.free_bytes()
    if as_json:
        _show_json(entries, free_bytes)
        return
    for entry in entries:
        click.echo(_line(entry))
    sizes = [entry.size_bytes for entry in entries if not entry.is_folder]
    click.echo(f"{len(sizes)} files, {sum(sizes):,} bytes; {free_bytes:,} bytes are free.", err=True)


def _show_json(entries: list[FileEntry], free_bytes: int) -> None:
    files = [{"path": entry.path, "is_folder": entry.is_folder, "size_bytes": entry.size_bytes} for entry in entries]
    click.echo(visible_json({"files": files, "free_bytes": free_bytes}, indent=2))


def _line(entry: FileEntry) -> str:
    size = "" if entry.is_folder else f"{entry.size_bytes:,}"
    return f"{size:>10}  {visible(entry.path)}{'/' if entry.is_folder else ''}"
