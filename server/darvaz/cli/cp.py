"""`darvaz cp`: copies files to and from a device, through the gateway."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from darvaz.boards.serial.files import Files
from darvaz.cli.remote import gateway_option
from darvaz.cli.remote_prompt import RemotePath, remote_files, remote_path
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FROM...")
@click.argument("target", metavar="TO")
@click.option("-r", "--recursive", "is_recursive", is_flag=True, help="Copy folders with all that is in them.")
@json_option
@gateway_option
def cp(sources: tuple[str, ...], target: str, is_recursive: bool, as_json: bool, gateway: str) -> None:
    """Copy files to a device, or from it: one side is DEVICE:path. The device's program goes on.

    A file on the board is replaced as a whole, once the new one has arrived. Example: darvaz cp main.py lamp:/
    """
    to, froms = remote_path(target), [remote_path(source) for source in sources]
    if to is not None and not any(froms):
        copied = _upload([Path(source) for source in sources], to, target.endswith("/"), is_recursive, gateway)
    elif to is None and len(froms) == 1 and froms[0] is not None:
        copied = _download(froms[0], Path(target), is_recursive, gateway)
    else:
        raise click.UsageError("one side is DEVICE:path, the other is of this machine; from a device, one FROM")
    if as_json:
        click.echo(visible_json({"copied": copied}, indent=2))
    else:
        click.echo(visible(f"{len(copied)} {'file' if len(copied) == 1 else 'files'} copied."), err=True)


def _upload(sources: list[Path], to: RemotePath, is_folder: bool, is_recursive: bool, gateway: str) -> list[str]:
    local: dict[str, Path] = {}
    for source in sources:
        if source.is_dir():
            if not is_recursive:
                raise click.UsageError(f"{source} is a folder: give -r")
            for path in sorted(path for path in source.rglob("*") if path.is_file()):
                local[f"{source.resolve().name}/{path.relative_to(source).as_posix()}"] = path
        elif source.is_file():
            local[source.name] = source
        else:
            raise click.ClickException(f"there is no file {source}")
    with remote_files(gateway, to.device) as files:
        into = is_folder or len(local) > 1 or to.path == "/" or _is_folder(files, to.path)
        for name, path in local.items():
            files.write_file(f"{to.path.rstrip('/')}/{name}" if into else to.path, path.read_bytes())
    return sorted(local)


def _download(source: RemotePath, target: Path, is_recursive: bool, gateway: str) -> list[str]:
    with remote_files(gateway, source.device) as files:
        if not _is_folder(files, source.path):
            into = target / PurePosixPath(source.path).name if target.is_dir() else target
            into.write_bytes(files.read_file(source.path))
            return [source.path]
        if not is_recursive:
            raise click.UsageError(f"{source.device}:{source.path} is a folder: give -r")
        found = [entry.path for entry in files.list_files(source.path) if not (entry.is_folder or entry.is_odd)]
        root = PurePosixPath(source.path)
        for path in found:
            into = target / root.name / PurePosixPath(path).relative_to(root)
            if ".." in into.parts[len(target.parts) :]:
                raise click.ClickException(f"{path} on the board leads out of {target}")
            into.parent.mkdir(parents=True, exist_ok=True)
            into.write_bytes(files.read_file(path))
    return found


def _is_folder(files: Files, path: str) -> bool:
    return path == "/" or files.is_folder(path)
