"""The tables of `darvaz alerts`: alerts, rules and channels."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from darvaz.cli.tables import ago, iso, show
from darvaz.client.alert_types import AlertChannelListInfo, AlertInfo, AlertRuleInfo


def show_alerts(alerts: Sequence[AlertInfo]) -> None:
    """Prints alerts."""
    now_s = time.time()
    brief = [
        {"id": each["id"], "board": each["device"] or "gateway", "what": each["what"],
         "since": ago(each["since"], now_s), "state": _state(each)}
        for each in alerts
    ]  # fmt: skip
    whole = [
        {**row, "since": iso(each["since"]) or "", "ended": iso(each["ended"]) or "", "title": each["title"]}
        for row, each in zip(brief, alerts, strict=True)
    ]
    show(whole, brief)


def show_rules(rules: Sequence[AlertRuleInfo]) -> None:
    """Prints rules."""
    rows = [
        {"id": each["id"], "title": each["title"], "rule": each["sentence"], "channels": _channels(each),
         "state": "on" if each["is_on"] else "off"}
        for each in rules
    ]  # fmt: skip
    show(rows, rows)


def show_channels(found: AlertChannelListInfo) -> None:
    """Prints channels, and what to do if none can work."""
    rows = [
        {
            "name": each["name"],
            "address": each["address"],
            "waiting": str(each["waiting"]),
            "error": each["error"] or "",
        }
        for each in found["channels"]
    ]
    if rows:
        show(rows, rows)
    else:
        click.echo("No channel yet: nobody is told. Add one: darvaz alerts channel NAME", err=True)
    if not found["is_installed"]:
        click.echo("Apprise is not installed on the gateway: pip install 'darvaz[alerts]'", err=True)


def _state(alert: AlertInfo) -> str:
    if alert["ended"] is not None:
        return f"over{': ' + alert['reason'] if alert['reason'] else ''}"
    return "acknowledged" if alert["acknowledged"] is not None else "escalated" if alert["is_escalated"] else "active"


def _channels(rule: AlertRuleInfo) -> str:
    return "all" if rule["channels"] is None else ", ".join(rule["channels"]) or "none"
