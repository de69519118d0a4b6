"""`darvaz rules`: what the gateway does by itself, switched on and off, and run at once."""

from __future__ import annotations

import time

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.rule_switch import remove_or_switch
from darvaz.cli.tables import ago, show_found
from darvaz.cli.verb_options import json_option
from darvaz.client import rules as requests
from darvaz.client.rule_types import RuleInfo
from darvaz.text.terminal import visible, visible_json

_DERIVED = ("id", "runs", "sentence", "next")


@click.group()
def rules() -> None:
    """List the rules that people made in the page, switch them off and on, and run them."""


@rules.command("list")
@json_option
@gateway_option
def list_rules(as_json: bool, gateway: str) -> None:
    """List the rules, and what became of the last run of each."""
    found: list[RuleInfo] = ask(gateway, requests.rules())
    show_found(found, _row, "No rule yet. The page of rules makes one.", as_json=as_json)


def _row(rule: RuleInfo) -> dict[str, str]:
    last = rule["runs"][0] if rule["runs"] else None
    became = "" if last is None else f"{ago(last['time'], time.time())}: {'done' if last['is_ok'] else last['detail']}"
    state = "on" if rule["is_on"] else "off"
    return {"id": rule["id"], "title": rule["title"], "rule": rule["sentence"], "state": state, "last run": became}


@rules.command()
@click.argument("rule", metavar="ID")
@json_option
@gateway_option
def run(rule: str, as_json: bool, gateway: str) -> None:
    """Do what the rule with this ID of `darvaz rules list` says, at once."""
    done = ask(gateway, requests.run_rule(rule))
    if as_json:
        click.echo(visible_json(done, indent=2))
    elif done["is_ok"]:
        click.echo(f"Done. {visible(done['detail'])}".strip())
    if not done["is_ok"]:
        raise click.ClickException(visible(done["detail"]))


@rules.command()
@click.argument("rule", metavar="ID")
@click.option("--off", is_flag=True, help="Keep the rule, but do not follow it.")
@click.option("--on", is_flag=True, help="Follow it again.")
@json_option
@gateway_option
def remove(rule: str, off: bool, on: bool, as_json: bool, gateway: str) -> None:
    """Remove the rule with this ID, or switch it off and on."""
    remove_or_switch(
        rule, off=off, on=on, as_json=as_json, gateway=gateway, rules=requests.rules, change=requests.change_rule,
        remove=requests.remove_rule, derived=_DERIVED, see="darvaz rules list",
    )  # fmt: skip
