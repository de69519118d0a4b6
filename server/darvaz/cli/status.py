"""`darvaz status`: whether a gateway is well."""

from __future__ import annotations

import sys

import click

from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.tables import span
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible, visible_json


@click.command()
@json_option
@gateway_option
def status(as_json: bool, gateway: str) -> None:
    """Tell whether a gateway is well, its version, and how many devices are online. Exit code 1 if it is not well."""
    with client_of(gateway) as client:
        health, version = client.ask(requests.health()), client.ask(requests.version())
    if as_json:
        click.echo(visible_json({**health, **version}, indent=2))
    else:
        compiled = "compiled" if version["compiled"] else "plain Python"
        click.echo(f"{visible(health['status'])}: {visible(gateway)}, version {visible(health['version'])}, {compiled}")
        click.echo(f"{health['devices_online']} of {health['devices']} devices online; up {span(health['uptime_s'])}")
        for problem in health.get("problems", []):
            click.echo(f"Problem: {visible(problem)}", err=True)
    sys.exit(ExitCode.DONE if health["status"] == "ok" else ExitCode.FAILED)
