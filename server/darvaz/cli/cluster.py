"""`darvaz cluster`: the gateways that serve as one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from darvaz.cli.data_folder import data_option
from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.options import config_option
from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import iso, show
from darvaz.cli.verb_options import json_option
from darvaz.client import cluster as requests
from darvaz.client.cluster import ClusterInfo, ClusterNodeInfo
from darvaz.gateway.config_file import find_config
from darvaz.text.terminal import visible, visible_json

if TYPE_CHECKING:
    from darvaz.gateway.settings import Settings


@click.group()
def cluster() -> None:
    """See the gateways that serve as one, and bring the data of another gateway to them."""


@cluster.command()
@json_option
@gateway_option
def status(as_json: bool, gateway: str) -> None:
    """List the gateways that live, which one carries rollouts out, and how the store of each is.

    Exit code 1 if the one that answers does not reach the others.
    """
    found: ClusterInfo = ask(gateway, requests.cluster())
    if as_json:
        click.echo(visible_json(found, indent=2))
    elif found["state"] == "single":
        click.echo("This gateway serves alone; the setting `cluster` makes several one.", err=True)
    else:
        rows = [_row(node, found["rollouts_term"]) for node in found["nodes"]]
        if rows:
            show(rows, rows)
        if found["detail"]:
            click.echo(visible(found["detail"]), err=True)
    sys.exit(ExitCode.FAILED if found["state"] == "away" else ExitCode.DONE)


def _row(node: ClusterNodeInfo, term: int) -> dict[str, str]:
    return {
        "node": node["id"],
        "version": node["version"],
        "devices": str(node["devices_online"]),
        "since": iso(node["started"]) or "",
        "heard": f"{node['silent_s']:.1f} s ago",
        "store": f"lacks {node['store_lacks']} batches" if node["stores"] == "behind" else node["stores"],
        "rollouts": f"carries out, term {term}" if node["carries_out"] else "",
        "": "this" if node["is_this"] else "",
    }


@cluster.command("import")
@click.option("--merge", is_flag=True, help="Also where the cluster has other data; what it has stays.")
@click.option("--cluster", metavar="URL", help="NATS servers of the cluster, separated by commas.")
@click.option("--cluster-credentials-file", metavar="FILE", help="User and password, or a token, for NATS.")
@click.option("--cluster-ca-file", metavar="FILE", help="Certificates that the one of NATS must be of.")
@json_option
@config_option
@data_option
def import_(merge: bool, as_json: bool, config: str | None, data: Path, **given: str | None) -> None:
    """Bring the data of a gateway that serves alone into a cluster.

    Stop that gateway first. Its people, tokens, browser sessions, devices with labels and groups, journal, and the
    readings that are in the journal go to all gateways of the cluster. It may be repeated: everything is there once.
    Releases, crash reports, dashboards, alerts and rules stay in the folder.
    """
    from darvaz.cli.cluster_import import carry_out
    from darvaz.gateway.setting_sources import load_settings
    from darvaz.gateway.settings import SettingsError

    options = {name: value for name, value in {**given, "data": str(data)}.items() if value is not None}
    try:
        settings: Settings = load_settings(options, config=find_config(config)).settings
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    if not settings.cluster:
        raise click.UsageError("name the NATS servers of the cluster with --cluster, or in darvaz.toml")
    done = asyncio.run(carry_out(settings, merges=merge))
    if as_json:
        click.echo(visible_json(done, indent=2))
    else:
        click.echo(
            f"The cluster has {done['devices']} devices, {done['rows']} people, tokens, sessions and links, and the"
            f" journal up to entry {done['entries']} of {settings.data_path}."
        )
