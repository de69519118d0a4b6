"""`darvaz export`: the journal as a file, as JSON lines or CSV."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import parse_age
from darvaz.client import requests


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path, allow_dash=True), default="-", show_default=True,
              help="File to write, - for standard output.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--device", help="Only this device.")
@click.option("--kind", help="Only this kind: pico or esp32cam.")
@click.option("--type", "type_", help="Only this type: log, ping, telemetry, connected, refused …")
@click.option("--since", callback=parse_age, help="Only entries after this: 30s, 10m, 2h, 7d ago, or an ISO time.")
@click.option("--until", callback=parse_age, help="Only entries before this.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
@gateway_option
def export(
    output: Path, format_: str, device: str | None, kind: str | None, type_: str | None, since: float | None,
    until: float | None, as_json: bool, gateway: str,
) -> None:  # fmt: skip
    """Write the journal of a running gateway, the oldest entry first."""
    request = requests.journal_export(
        "jsonl" if as_json else format_, device=device, kind=kind, type=type_, from_=since, to=until
    )
    if str(output) == "-":
        with client_of(gateway) as client:
            for data in client.download(request):
                sys.stdout.buffer.write(data)
        return
    partial = output.with_name(f".{output.name}.part")
    try:
        with client_of(gateway) as client, partial.open("wb") as file:
            for data in client.download(request):
                file.write(data)
        os.replace(partial, output)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
