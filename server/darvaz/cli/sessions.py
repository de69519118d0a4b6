"""`darvaz sessions`: the signed-in browsers, and how to sign one out."""

from __future__ import annotations

import time

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import ago, iso, show
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.option("--end", metavar="ID", help="Sign this browser out.")
@json_option
@gateway_option
def sessions(end: str | None, as_json: bool, gateway: str) -> None:
    """List the browsers that are signed in, or sign one of them out."""
    if end is not None:
        ask(gateway, requests.end_session(end))
        click.echo(visible_json({"ended": end}) if as_json else f"Session {visible(end)} is ended.")
        return
    found = ask(gateway, requests.sessions())
    if as_json:
        click.echo(visible_json(found, indent=2))
        return
    if not found:
        click.echo("No browser is signed in. A link for one: darvaz signin", err=True)
        return
    now_s = time.time()
    brief = [
        {"id": each["id"], "name": each.get("name", ""), "role": each["role"], "used": ago(each["last_used"], now_s),
         "address": each["last_address"] or "", "browser": each["agent"]}
        for each in found
    ]  # fmt: skip
    whole = [{**row, "used": iso(each["last_used"]) or ""} for row, each in zip(brief, found, strict=True)]
    show(whole, brief)
