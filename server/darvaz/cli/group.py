"""`darvaz group`: lists the groups of devices, and says what is in them."""

from __future__ import annotations

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import show_found
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.types import GroupInfo
from darvaz.text.terminal import visible, visible_json


@click.group()
def group() -> None:
    """List the groups of devices (a kitchen, a class), and say what is in them. A device may be in several."""


@group.command("list")
@json_option
@gateway_option
def list_groups(as_json: bool, gateway: str) -> None:
    """List the groups and their devices."""
    found: list[GroupInfo] = ask(gateway, requests.groups())
    show_found(found, _row, "No group yet. Make one: darvaz group add greenhouse DEVICE", as_json=as_json)


def _row(info: GroupInfo) -> dict[str, str]:
    return {"group": info["name"], "devices": " ".join(info["devices"])}


@group.command(short_help="Put devices into a group; the first one makes it.")
@click.argument("name")
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
@json_option
@gateway_option
def add(name: str, devices: tuple[str, ...], as_json: bool, gateway: str) -> None:
    """Put DEVICEs into the group NAME; the first one makes the group."""
    _show_changed(ask(gateway, requests.change_group(name, add=devices)), as_json)


@group.command(short_help="Take devices out of a group, or all of them.")
@click.argument("name")
@click.argument("devices", nargs=-1, metavar="[DEVICE]...")
@json_option
@gateway_option
def remove(name: str, devices: tuple[str, ...], as_json: bool, gateway: str) -> None:
    """Take DEVICEs out of the group NAME; without any, end the group."""
    if devices:
        _show_changed(ask(gateway, requests.change_group(name, remove=devices)), as_json)
        return
    ask(gateway, requests.delete_group(name))
    click.echo(visible_json({"name": name, "devices": []}) if as_json else f"No device is in {visible(name)} now.")


@group.command(short_help="Give a group another name.")
@click.argument("name")
@click.argument("new_name")
@json_option
@gateway_option
def rename(name: str, new_name: str, as_json: bool, gateway: str) -> None:
    """Give the group NAME the name NEW_NAME; if that is a group, the devices join it."""
    _show_changed(ask(gateway, requests.change_group(name, new_name=new_name)), as_json)


def _show_changed(info: GroupInfo, as_json: bool) -> None:
    if as_json:
        click.echo(visible_json(info, indent=2))
        return
    devices = ", ".join(visible(device) for device in info["devices"]) or "no device"
    click.echo(f"In {visible(info['name'])}: {devices}.")
