"""Removes a rule that the gateway keeps, or switches it off and on: for rules of alerts, and those of the page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import click

from darvaz.cli.remote import client_of
from darvaz.client.requests import ApiRequest
from darvaz.text.terminal import visible, visible_json


def remove_or_switch(
    rule: str,
    *,
    off: bool,
    on: bool,
    as_json: bool,
    gateway: str,
    rules: Callable[[], ApiRequest],
    change: Callable[[str, Mapping[str, Any]], ApiRequest],
    remove: Callable[[str], ApiRequest],
    derived: Collection[str],
    see: str,
) -> None:
    """Does what a verb was told to, and says so.

    `rules`, `change` and `remove` make the requests. `derived` are the fields of a rule that the gateway adds, and
    `see` is the verb that lists the rules.
    """
    if off and on:
        raise click.UsageError("give --off or --on, not both")
    with client_of(gateway) as client:
        if off or on:
            found = next((each for each in client.ask(rules()) if each["id"] == rule), None)
            if found is None:
                raise click.ClickException(f"no rule has the id {visible(rule)}: see {see}")
            fields = {key: value for key, value in found.items() if key not in derived}
            client.ask(change(rule, {**fields, "is_on": on}))
        else:
            client.ask(remove(rule))
    done = "on" if on else "off" if off else "removed"
    click.echo(visible_json({"rule": rule, "is": done}) if as_json else f"Rule {visible(rule)} is {done}.")
