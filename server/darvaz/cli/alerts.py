"""`darvaz alerts`: what is wrong now, the rules of alerts, and by which channels people are told."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from darvaz.cli.alert_tables import show_alerts, show_channels, show_rules
from darvaz.cli.remote import ask, client_of, gateway_option
from darvaz.cli.rule_switch import remove_or_switch
from darvaz.cli.verb_options import json_option
from darvaz.client import alerts as requests
from darvaz.text.terminal import visible, visible_json

_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(s|m|h|d)?")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, None: 1.0}
_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_HISTORY_MAX = 500


def _seconds(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    length = _LENGTH.fullmatch(value)
    if length is None:
        raise click.BadParameter(f"{value!r}: expected a time such as 30s, 2m, 1h or 1d")
    return float(length.group(1)) * _UNIT_S[length.group(2)]


def _hours(context: click.Context, option: click.Parameter, value: str | None) -> dict[str, str] | None:
    if value is None:
        return None
    hours = _HOURS.fullmatch(value)
    if hours is None:
        raise click.BadParameter(f"{value!r}: expected two times of a day, as 22:00-07:00")
    return {"begin": hours.group(1), "end": hours.group(2)}


def _compared(text: str) -> bool | float | str:
    """Returns a value to compare with, as a board would report it."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


@click.group()
def alerts() -> None:
    """See what is wrong, and have people told of it."""


@alerts.command("list", short_help="What is wrong now, or was, or the rules.")
@click.option(
    "--history", type=click.IntRange(1, _HISTORY_MAX), help="Show alerts that are over instead, this number of them."
)
@click.option("--rules", "is_rules", is_flag=True, help="Show the rules instead.")
@json_option
@gateway_option
def list_alerts(history: int | None, is_rules: bool, as_json: bool, gateway: str) -> None:
    """List what is wrong now, the oldest first."""
    if is_rules:
        found = ask(gateway, requests.rules())
    else:
        found = ask(gateway, requests.alerts() if history is None else requests.past_alerts(history))
    if as_json:
        click.echo(visible_json(found, indent=2))
    elif found:
        show_rules(found) if is_rules else show_alerts(found)
    elif is_rules:
        click.echo("No rule yet. The first: darvaz alerts add --offline --for 10m", err=True)
    else:
        click.echo("Nothing is wrong." if history is None else "No alert is over yet.", err=True)


@alerts.command(short_help="Add a rule: what is wrong when, and who is told.")
@click.option("--device", help="Of this board only; without this and --group, of all boards.")
@click.option("--group", help="Of the boards of this group.")
@click.option("--value", metavar="NAME", help="The value that the rule is about.")
@click.option("--below", type=float, help="The value is below this number.")
@click.option("--above", type=float, help="The value is above this number.")
@click.option("--is", "equal", metavar="VALUE", help="The value is this number, text, true or false.")
@click.option("--silent", is_flag=True, help="No value comes.")
@click.option("--offline", is_flag=True, help="The board is offline.")
@click.option("--disk", type=click.FloatRange(0, 100), metavar="PERCENT", help="The gateway's disk has less free.")
@click.option("--event", type=click.Choice(["release_fell_back", "crash"]), help="This happens.")
@click.option("--for", "for_s", callback=_seconds, metavar="TIME", help="It is so for this time, as 30s, 2m or 1h.")
@click.option("--hysteresis", type=click.FloatRange(0), default=0.0, help="The value comes back by more than this.")
@click.option("--title", default="", help="A name for people.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="Tell it by this channel, not by all.")
@click.option("--quiet", callback=_hours, metavar="HH:MM-HH:MM", help="Hours of each day in which nobody is told.")
@click.option("--escalate-after", callback=_seconds, metavar="TIME", help="Tell others if nobody acknowledges it.")
@click.option("--escalate-to", multiple=True, metavar="NAME", help="The channels of these others.")
@json_option
@gateway_option
def add(as_json: bool, gateway: str, **given: Any) -> None:
    """Add a rule, for a board, a group, or all boards.

    For example: darvaz alerts add --device greenhouse --value temperature --below 5 --for 2m
    """
    rule = ask(gateway, requests.add_rule(_fields(**given)))
    click.echo(visible_json(rule, indent=2) if as_json else f"{visible(rule['id'])}  {visible(rule['sentence'])}")


def _fields(
    below: float | None,
    above: float | None,
    equal: str | None,
    silent: bool,
    offline: bool,
    disk: float | None,
    event: str | None,
    for_s: float | None,
    channels: tuple[str, ...],
    escalate_after: float | None,
    escalate_to: tuple[str, ...],
    **same: Any,
) -> dict[str, Any]:
    """Returns a rule as the API takes it, from the options."""
    numbers = {"below": below, "above": above, "disk": disk, "is": None if equal is None else _compared(equal)}
    kinds = [kind for kind, number in numbers.items() if number is not None]
    kinds += [kind for kind, is_given in (("silent", silent), ("offline", offline), ("event", event)) if is_given]
    if len(kinds) != 1:
        raise click.UsageError("give one of --below, --above, --is, --silent, --offline, --disk and --event")
    return {
        **same,
        "when": kinds[0],
        "threshold": numbers.get(kinds[0]),
        "event": event,
        "for_s": for_s or 0.0,
        "channels": list(channels) or None,
        "escalate_after_s": escalate_after,
        "escalate_to": list(escalate_to),
    }


@alerts.command(short_help="Remove a rule, or switch it off and on.")
@click.argument("rule", metavar="ID")
@click.option("--off", is_flag=True, help="Keep the rule, but do not watch for it.")
@click.option("--on", is_flag=True, help="Watch for it again.")
@json_option
@gateway_option
def remove(rule: str, off: bool, on: bool, as_json: bool, gateway: str) -> None:
    """Remove the rule with this ID of `darvaz alerts list --rules`; its alerts end."""
    remove_or_switch(
        rule, off=off, on=on, as_json=as_json, gateway=gateway, rules=requests.rules, change=requests.change_rule,
        remove=requests.remove_rule, derived=("id", "sentence"), see="darvaz alerts list --rules",
    )  # fmt: skip


@alerts.command(short_help="Acknowledge an alert: nobody else is told.")
@click.argument("alert", metavar="ID")
@json_option
@gateway_option
def ack(alert: str, as_json: bool, gateway: str) -> None:
    """Acknowledge the alert with this ID of `darvaz alerts list`."""
    found = ask(gateway, requests.acknowledge(alert))
    text = f"{visible(found['device'] or 'gateway')}: {visible(found['what'])}: acknowledged."
    click.echo(visible_json(found, indent=2) if as_json else text)


@alerts.command(short_help="List, add or remove a channel to people.")
@click.argument("name", required=False)
@click.option("--remove", "is_removed", is_flag=True, help="Remove the channel NAME.")
@click.option("--language", type=click.Choice(["en", "fa"]), default="en", help="Of the messages: English or Persian.")
@json_option
@gateway_option
def channel(name: str | None, is_removed: bool, language: str, as_json: bool, gateway: str) -> None:
    """List the channels by which alerts are told; with a NAME, add one.

    Its address is asked for, or read from standard input: it is a secret, and options can be seen by other programs.
    Addresses are those of Apprise, such as ntfys://ntfy.sh/topic or mailto://user:password@example.org.
    """
    if name is None:
        found = ask(gateway, requests.channels())
        click.echo(visible_json(found["channels"], indent=2)) if as_json else show_channels(found)
        return
    if is_removed:
        ask(gateway, requests.remove_channel(name))
        click.echo(visible_json({"removed": name}) if as_json else f"Channel {visible(name)} is removed.")
        return
    is_terminal = sys.stdin.isatty()
    url = click.prompt("Address", hide_input=True, err=True) if is_terminal else sys.stdin.readline()
    made = ask(gateway, requests.put_channel(name, url.strip(), language))
    text = f"{visible(name)}: {visible(made['address'])}\nTry it: darvaz alerts test {visible(name)}"
    click.echo(visible_json(made, indent=2) if as_json else text)


@alerts.command(short_help="Send a message of a test, by one channel or all.")
@click.argument("name", required=False)
@json_option
@gateway_option
def test(name: str | None, as_json: bool, gateway: str) -> None:
    """Send a message that says it is a test, by the channel NAME or by all, and say whether it was taken."""
    with client_of(gateway) as client:
        names = [name] if name else [each["name"] for each in client.ask(requests.channels())["channels"]]
        if not names:
            raise click.ClickException("there is no channel yet: add one with darvaz alerts channel NAME")
        results = {each: client.ask(requests.test_channel(each)) for each in names}
    if as_json:
        click.echo(visible_json(results, indent=2))
    for each, result in results.items() if not as_json else ():
        click.echo(f"{visible(each)}: {'sent' if result['is_sent'] else visible(result['error'])}")
    if not all(result["is_sent"] for result in results.values()):
        raise click.exceptions.Exit(1)
