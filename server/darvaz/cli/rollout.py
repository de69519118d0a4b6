"""`darvaz rollout`: lists the rollouts of releases, and pauses, resumes or ends one."""

from __future__ import annotations

import click

from darvaz.cli.deploy import in_words, last_line, summary
from darvaz.cli.remote import ask, client_of, gateway_option
from darvaz.cli.tables import iso, show, show_found
from darvaz.cli.verb_options import json_option
from darvaz.client import update_requests
from darvaz.client.types import RolloutInfo
from darvaz.text.terminal import visible, visible_json

_NUMBER = click.IntRange(min=1)


@click.group()
def rollout() -> None:
    """List the rollouts of releases; pause, resume or end one, or give an earlier release again."""


@rollout.command("list")
@json_option
@gateway_option
def list_rollouts(as_json: bool, gateway: str) -> None:
    """List the rollouts, the newest first."""
    found: list[RolloutInfo] = ask(gateway, update_requests.rollouts())
    show_found(found, _row, "No rollout yet. Begin one: darvaz deploy FOLDER --to DEVICE", as_json=as_json)


@rollout.command("show")
@click.argument("number", type=_NUMBER)
@json_option
@gateway_option
def show_rollout(number: int, as_json: bool, gateway: str) -> None:
    """Show what became of rollout NUMBER on each board."""
    found: RolloutInfo = ask(gateway, update_requests.rollout(number))
    if as_json:
        click.echo(visible_json(found, indent=2))
        return
    rows = [
        {"device": each["device"], "state": in_words(each["state"]), "reason": last_line(each["reason"])}
        for each in found["targets"]
    ]
    show(rows, rows)
    click.echo(f"Rollout {number} of release {found['release']} is {found['state']}: {summary(found)}", err=True)


@rollout.command()
@click.argument("number", type=_NUMBER)
@json_option
@gateway_option
def pause(number: int, as_json: bool, gateway: str) -> None:
    """Give rollout NUMBER to no more boards until `resume`."""
    _change(gateway, number, "paused", as_json)


@rollout.command()
@click.argument("number", type=_NUMBER)
@json_option
@gateway_option
def resume(number: int, as_json: bool, gateway: str) -> None:
    """Go on with rollout NUMBER, also where it stopped; the boards that fell back are left alone."""
    _change(gateway, number, "running", as_json)


@rollout.command()
@click.argument("number", type=_NUMBER)
@json_option
@gateway_option
def end(number: int, as_json: bool, gateway: str) -> None:
    """End rollout NUMBER; boards keep what they have. `resume` begins it again."""
    _change(gateway, number, "stopped", as_json)


@rollout.command(short_help="Give an earlier release to boards again.")
@click.argument("release", type=_NUMBER)
@click.option("--to", "to", multiple=True, required=True, help="A device, label, group or kind, or all.")
@json_option
@gateway_option
def back(release: int, to: tuple[str, ...], as_json: bool, gateway: str) -> None:
    """Give the earlier RELEASE to boards again, as a rollout of its own."""
    with client_of(gateway) as client:
        _show(client.ask(update_requests.begin_rollout(release, to)), as_json)


def _change(gateway: str, number: int, state: str, as_json: bool) -> None:
    _show(ask(gateway, update_requests.change_rollout(number, state)), as_json)


def _show(found: RolloutInfo, as_json: bool) -> None:
    if as_json:
        click.echo(visible_json(found, indent=2))
    else:
        click.echo(visible(f"Rollout {found['number']} is {found['state']}: {summary(found)}"))


def _row(info: RolloutInfo) -> dict[str, str]:
    return {
        "rollout": str(info["number"]),
        "release": str(info["release"]),
        "state": info["state"],
        "begun": iso(info["created"]) or "",
        "boards": ", ".join(f"{count} {in_words(state)}" for state, count in sorted(info["counts"].items())),
    }
