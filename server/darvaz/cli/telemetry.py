"""`darvaz telemetry`: the newest readings of a device, or those of one name over time."""

from __future__ import annotations

import time
from typing import Any

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import ago, iso, show, show_found
from darvaz.cli.verb_options import json_option, parse_age
from darvaz.client import page_requests, requests
from darvaz.text.terminal import visible_json

_POINTS_MAX = 2_000


@click.command()
@click.argument("device")
@click.argument("name", required=False)
@click.option("--since", callback=parse_age, help="With NAME: only readings after this: 30s, 10m, 2h, 7d ago, or ISO.")
@click.option("--until", callback=parse_age, help="With NAME: only readings before this.")
@click.option("--points", type=click.IntRange(1, _POINTS_MAX), help="With NAME: most lines that are shown.")
@click.option("--states", is_flag=True, help="With NAME: when a text or truth value changed, and to what.")
@json_option
@gateway_option
def telemetry(
    device: str, name: str | None, since: float | None, until: float | None, points: int | None, states: bool,
    as_json: bool, gateway: str,
) -> None:  # fmt: skip
    """Show the newest readings of DEVICE; with NAME, those of one name over time, a day by default."""
    if name is None:
        if since is not None or until is not None or points is not None or states:
            raise click.UsageError("--since, --until, --points and --states need a NAME")
        _show_newest(ask(gateway, requests.newest(device)), as_json)
        return
    if states:
        changes: list[tuple[float, str | bool]] = ask(gateway, page_requests.states(device, name, since, until))
        show_found(changes, _change, "No change in this time.", as_json=as_json)
        return
    found = ask(gateway, requests.plot(device, name, since, until, points))
    if as_json:
        click.echo(visible_json([point._asdict() for point in found], indent=2))
        return
    rows = [
        {"time": iso(point.time) or "", "mean": f"{point.mean:g}", "lowest": f"{point.lowest:g}",
         "highest": f"{point.highest:g}", "readings": str(point.readings)}
        for point in found
    ]  # fmt: skip
    if rows:
        show(rows, rows)
    else:
        click.echo("No readings in this time.", err=True)


def _change(change: tuple[float, str | bool]) -> dict[str, str]:
    return {"time": iso(change[0]) or "", "value": str(change[1])}


def _show_newest(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(visible_json(found, indent=2))
        return
    whole = [
        {"name": name, "value": str(reading["value"]), "time": iso(reading["time"]) or ""}
        for name, reading in found.items()
    ]
    now_s = time.time()
    brief = [{**row, "time": ago(found[row["name"]]["time"], now_s)} for row in whole]
    if whole:
        show(whole, brief)
    else:
        click.echo("No readings yet.", err=True)
