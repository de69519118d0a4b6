"""`darvaz releases`: lists the releases of programs that the gateway keeps."""

from __future__ import annotations

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import iso, show_found
from darvaz.cli.verb_options import json_option
from darvaz.client import update_requests
from darvaz.client.types import ReleaseInfo


@click.command()
@json_option
@gateway_option
def releases(as_json: bool, gateway: str) -> None:
    """List the releases: who made them, when, and what changed."""
    found: list[ReleaseInfo] = ask(gateway, update_requests.releases())
    show_found(found, _row, "No release yet. Make one: darvaz deploy FOLDER --to DEVICE", as_json=as_json)


def _row(release: ReleaseInfo) -> dict[str, str]:
    return {
        "release": str(release["number"]),
        "program": release["name"],
        "made": iso(release["created"]) or "",
        "by": release["author"],
        "bytes": str(release["size_bytes"]),
        "changed": " ".join(f"{how} {path}" for path, how in release["changes"].items()),
    }
