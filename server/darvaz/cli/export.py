"""`darvaz export`: the journal or the history of telemetry as a file."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from darvaz.cli.reading_files import write_readings
from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import parse_age
from darvaz.client import exports
from darvaz.client.readings import Readings, ReadingsParser
from darvaz.client.requests import ApiRequest

# What can be exported, and the formats of each; the first one is the usual one.
_FORMATS = {"journal": ("jsonl", "csv"), "telemetry": ("csv", "lines", "parquet", "sqlite")}
# What is made here, of the readings as the gateway sends them.
_MADE_HERE = ("parquet", "sqlite")


@click.command()
@click.argument("what", type=click.Choice(list(_FORMATS)), default="journal")
@click.option("-o", "--output", type=click.Path(path_type=Path, allow_dash=True), default="-", show_default=True,
              help="File to write, - for standard output.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["jsonl", "csv", "lines", "parquet", "sqlite"]),
              help="journal: jsonl or csv; telemetry: csv, lines for InfluxDB, parquet or sqlite.")  # fmt: skip
@click.option("--device", help="Only this device.")
@click.option("--kind", help="journal: only this kind, pico or esp32cam.")
@click.option("--type", "type_", help="journal: only this type: log, ping, telemetry, connected, refused …")
@click.option("--name", help="telemetry: only the values of this name.")
@click.option("--since", callback=parse_age, help="Only what came after this: 30s, 10m, 2h, 7d ago, or an ISO time.")
@click.option("--until", callback=parse_age, help="Only what came before this.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
@gateway_option
def export(
    what: str, output: Path, format_: str | None, device: str | None, kind: str | None, type_: str | None,
    name: str | None, since: float | None, until: float | None, as_json: bool, gateway: str,
) -> None:  # fmt: skip
    """Write the journal of a running gateway, or its telemetry, the oldest first."""
    chosen = "jsonl" if as_json else format_ or _FORMATS[what][0]
    if chosen not in _FORMATS[what]:
        raise click.UsageError(f"--format of {what} is one of {', '.join(_FORMATS[what])}")
    if what == "telemetry":
        if kind or type_:
            raise click.UsageError("--kind and --type are for the journal")
        if chosen in _MADE_HERE and str(output) == "-":
            raise click.UsageError(f"{chosen} needs a file: --output readings.{chosen}")
        sent_as = "columns" if chosen in _MADE_HERE else chosen
        request = exports.telemetry_export(sent_as, device=device, name=name, since=since, until=until)
    else:
        if name:
            raise click.UsageError("--name is for telemetry")
        request = exports.journal_export(chosen, device=device, kind=kind, type=type_, from_=since, to=until)
    _write(request, chosen, output, gateway)


def _write(request: ApiRequest, format_: str, output: Path, gateway: str) -> None:
    """Writes the answer piece by piece; a file is whole or not there."""
    if str(output) == "-":
        with client_of(gateway) as client:
            for data in client.download(request):
                sys.stdout.buffer.write(data)
        return
    partial = output.with_name(f".{output.name}.part")
    try:
        with client_of(gateway) as client:
            _write_file(client.download(request), format_, partial)
        os.replace(partial, output)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.ClickException(f"{output} cannot be written: {reason}") from None
    finally:
        partial.unlink(missing_ok=True)


def _write_file(pieces: Iterator[bytes], format_: str, path: Path) -> None:
    if format_ in _MADE_HERE:
        write_readings(_readings(pieces), format_, path)
        return
    with path.open("wb") as file:
        for data in pieces:
            file.write(data)


def _readings(pieces: Iterator[bytes]) -> Iterator[Readings]:
    """Takes an export in columns apart."""
    parser = ReadingsParser()
    for data in pieces:
        yield from parser.receive(data)
    parser.end()
