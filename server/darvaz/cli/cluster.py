"""`darvaz cluster`: the gateways that serve as one."""

from __future__ import annotations

import sys

import click

from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import iso, show
from darvaz.cli.verb_options import json_option
from darvaz.client import cluster as requests
from darvaz.client.cluster import ClusterInfo, ClusterNodeInfo
from darvaz.text.terminal import visible, visible_json


@click.group()
def cluster() -> None:
    """See the gateways that serve as one."""


@cluster.command()
@json_option
@gateway_option
def status(as_json: bool, gateway: str) -> None:
    """List the gateways that live. Exit code 1 if the one that answers does not reach the others."""
    found: ClusterInfo = ask(gateway, requests.cluster())
    if as_json:
        click.echo(visible_json(found, indent=2))
    elif found["state"] == "single":
        click.echo("This gateway serves alone; the setting `cluster` makes several one.", err=True)
    else:
        rows = [_row(node) for node in found["nodes"]]
        if rows:
            show(rows, rows)
        if found["detail"]:
            click.echo(visible(found["detail"]), err=True)
    sys.exit(ExitCode.FAILED if found["state"] == "away" else ExitCode.DONE)


def _row(node: ClusterNodeInfo) -> dict[str, str]:
    return {
        "node": node["id"],
        "version": node["version"],
        "devices": str(node["devices_online"]),
        "since": iso(node["started"]) or "",
        "heard": f"{node['silent_s']:.1f} s ago",
        "": "this" if node["is_this"] else "",
    }
