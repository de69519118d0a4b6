"""`darvaz crashes`: what programs of boards died of, how often, and the newest report of each."""

from __future__ import annotations

import time

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import ago, iso, show
from darvaz.cli.verb_options import json_option
from darvaz.client import crashes as requests
from darvaz.client.crashes import CrashInfo
from darvaz.text.terminal import visible, visible_json

# The release of a program that came by USB.
_FLASHED = "flashed"


@click.command()
@click.argument("crash", required=False, metavar="[ID]")
@click.option("--device", help="Only crashes of this device.")
@click.option("--forget", is_flag=True, help="Forget the crashes of ID, such as those that are repaired.")
@json_option
@gateway_option
def crashes(crash: str | None, device: str | None, forget: bool, as_json: bool, gateway: str) -> None:
    """List what programs of boards died of, or show the newest report of ID: traceback, heap, last lines of the log."""
    if forget:
        if crash is None:
            raise click.UsageError("--forget needs the ID of the crashes, the first column of `darvaz crashes`")
        ask(gateway, requests.delete_crash(crash))
        click.echo(visible_json({"id": crash}) if as_json else f"{visible(crash)} is forgotten.")
        return
    found: list[CrashInfo] = ask(gateway, requests.crashes(device))
    if crash is not None:
        found = [group for group in found if group["id"] == crash]
        if not found:
            raise click.ClickException(f"no crashes have the id {visible(crash)}: `darvaz crashes` lists them")
    if as_json:
        click.echo(visible_json(found, indent=2))
    elif crash is not None:
        _show(found[0])
    elif found:
        show([_row(group, iso(group["last_seen"]) or "") for group in found], _brief(found))
    else:
        click.echo("No board has reported a crash.", err=True)


def _brief(found: list[CrashInfo]) -> list[dict[str, str]]:
    now_s = time.time()
    return [_row(group, ago(group["last_seen"], now_s)) for group in found]


def _row(group: CrashInfo, last: str) -> dict[str, str]:
    return {
        "id": group["id"],
        "count": str(group["count"]),
        "last": last,
        "devices": _counted(group["devices"]),
        "releases": _counted({name or _FLASHED: count for name, count in group["releases"].items()}),
        "crash": group["title"],
    }


def _counted(counts: dict[str, int]) -> str:
    return " ".join(f"{name}×{count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def _show(group: CrashInfo) -> None:
    report = group["report"]
    lines = [
        f"{group['title']}",
        f"{group['count']} times since {iso(group['first_seen'])}: {_row(group, '')['devices']};"
        f" releases {_row(group, '')['releases']}",
        f"The newest, of {report['device']} at {iso(report['time'])}: {_facts(group)}",
    ]
    if report["traceback"]:
        lines += ["", report["traceback"]]
    if report["log"]:
        lines += ["", "The last lines of its log:", *(f"  {line}" for line in report["log"])]
    for line in "\n".join(lines).split("\n"):
        click.echo(visible(line))


def _facts(group: CrashInfo) -> str:
    report = group["report"]
    facts = [f"reason {group['reason']}"]
    if report["reset_cause"]:
        facts.append(f"reset cause {report['reset_cause']}")
    if report["ran_ms"] is not None:
        facts.append(f"after {report['ran_ms'] / 1000:.1f} s")
    if report["heap_free_bytes"] is not None:
        facts.append(f"heap {report['heap_free_bytes']} bytes free")
    if report["heap_largest_bytes"] is not None:
        facts.append(f"{report['heap_largest_bytes']} in one block")
    facts.append(f"boot {report['boot_id']}")
    return ", ".join(facts)
