"""`darvaz dashboards`: lists the dashboards that people made, and moves them to files and back."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import show_found
from darvaz.cli.verb_options import json_option
from darvaz.client import page_requests
from darvaz.client.types import LayoutInfo
from darvaz.text.terminal import visible, visible_json


@click.group()
def dashboards() -> None:
    """List the dashboards that people made, and move them to files and back."""


@dashboards.command("list")
@json_option
@gateway_option
def list_dashboards(as_json: bool, gateway: str) -> None:
    """List the dashboards and how many cards each has."""
    found: list[LayoutInfo] = ask(gateway, page_requests.layouts())
    show_found(found, _row, "No dashboard yet. Make one in a browser.", as_json=as_json)


def _row(layout: LayoutInfo) -> dict[str, str]:
    return {"id": layout["id"], "title": layout["title"], "cards": str(len(layout["cards"]))}


@dashboards.command(short_help="Print a dashboard, for a file.")
@click.argument("dashboard", metavar="ID")
@json_option
@gateway_option
def show(dashboard: str, as_json: bool, gateway: str) -> None:
    """Print the dashboard with this ID, as `darvaz dashboards put` reads it; --json adds its id and edition."""
    found = _found(gateway, dashboard)
    shown = found if as_json else {"title": found["title"], "cards": found["cards"]}
    click.echo(visible_json(shown, indent=2))


@dashboards.command(short_help="Add a dashboard from a file, or replace one.")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--replace", metavar="ID", help="Replace this dashboard.")
@json_option
@gateway_option
def put(file: IO[str], replace: str | None, as_json: bool, gateway: str) -> None:
    """Add the dashboard in FILE (- is standard input), or put it in place of another."""
    title, cards = _read(file)
    if replace is None:
        made = ask(gateway, page_requests.add_layout(title, cards))
    else:
        edition = _found(gateway, replace)["edition"]
        made = ask(gateway, page_requests.change_layout(replace, title, cards, edition))
    click.echo(visible_json(made, indent=2) if as_json else f"{made['id']}: {visible(made['title'])}")


@dashboards.command(short_help="Remove a dashboard.")
@click.argument("dashboard", metavar="ID")
@json_option
@gateway_option
def remove(dashboard: str, as_json: bool, gateway: str) -> None:
    """Remove the dashboard with this ID."""
    ask(gateway, page_requests.remove_layout(dashboard))
    click.echo(visible_json({"id": dashboard}) if as_json else f"{visible(dashboard)} is removed.")


def _found(gateway: str, layout_id: str) -> LayoutInfo:
    found: list[LayoutInfo] = ask(gateway, page_requests.layouts())
    layout = next((layout for layout in found if layout["id"] == layout_id), None)
    if layout is None:
        raise click.ClickException(f"no dashboard has the id {visible(layout_id)}: see darvaz dashboards list")
    return layout


def _read(file: IO[str]) -> tuple[str, list[Any]]:
    try:
        content = json.load(file)
        return str(content["title"]), list(content["cards"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise click.ClickException(
            f"{file.name} is not a dashboard: make one with darvaz dashboards show ID > FILE"
        ) from None
