"""`darvaz releases`: lists the releases of programs that the gateway keeps, and makes the key that signs them."""

from __future__ import annotations

from pathlib import Path

import click

from darvaz.cli.owner_key import make_owner_key
from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import iso, show_found
from darvaz.cli.verb_options import json_option
from darvaz.client import update_requests
from darvaz.client.types import ReleaseInfo
from darvaz.text.terminal import visible_json


@click.group(invoke_without_command=True)
@json_option
@gateway_option
@click.pass_context
def releases(context: click.Context, as_json: bool, gateway: str) -> None:
    """List the releases: who made them, when, and what changed; or make the key that signs them."""
    if context.invoked_subcommand is not None:
        return
    found: list[ReleaseInfo] = ask(gateway, update_requests.releases())
    show_found(found, _row, "No release yet. Make one: darvaz deploy FOLDER --to DEVICE", as_json=as_json)


@releases.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def key(file: Path, as_json: bool) -> None:
    """Make a key in FILE with which you sign releases, so that no gateway can give your boards others.

    Put it on boards with `darvaz flash --owner-key FILE`, and sign with `darvaz deploy --sign FILE`.
    """
    public = make_owner_key(file)
    click.echo(visible_json({"public": public}) if as_json else f"The public half, for boards: {public}")
    click.echo(f"Keep {file} to yourself, and a copy of it: boards that know it take no release without it.", err=True)


def _row(release: ReleaseInfo) -> dict[str, str]:
    return {
        "release": str(release["number"]),
        "program": release["name"],
        "made": iso(release["created"]) or "",
        "by": release["author"],
        "bytes": str(release["size_bytes"]),
        "changed": " ".join(f"{how} {path}" for path, how in release["changes"].items()),
    }
