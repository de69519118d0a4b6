"""`darvaz config`: the value of each setting at the next start, and where it comes from."""

from __future__ import annotations

import json
import os

import click

from darvaz.cli.config_example import config_example
from darvaz.cli.options import config_option, setting_options, shown
from darvaz.gateway.config_file import find_config
from darvaz.gateway.setting_sources import OTHER_VARIABLES, SECRET_VARIABLES, LoadedSettings, load_settings
from darvaz.gateway.settings import SettingsError
from darvaz.text.terminal import visible


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--example", is_flag=True, help="Print a file with all settings, commented out, and end.")
@setting_options
def config(config: str | None, as_json: bool, example: bool, **given: str | None) -> None:
    """Show the value of each setting that `darvaz serve` would use here, and where it comes from.

    It checks all of them, and ends with 1 if one is invalid. `darvaz serve` has the same options.
    """
    if example:
        click.echo(config_example(), nl=False)
        return
    file = find_config(config)
    try:
        loaded = load_settings({name: value for name, value in given.items() if value is not None}, config=file)
    except SettingsError as error:
        raise click.ClickException(visible(str(error))) from None
    if as_json:
        click.echo(json.dumps(_as_json(loaded, None if file is None else str(file.absolute())), indent=2))
        return
    click.echo(f"File: {'none' if file is None else visible(str(file.absolute()))}")
    rows = [(name, shown(getattr(loaded.settings, name)), source) for name, source in loaded.sources.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        click.echo(visible(f"  {name:{widths[0]}}  {value:{widths[1]}}  {source}").rstrip())
    for variable, value in _other_variables().items():
        click.echo(visible(f"{variable}: {value}"))
    for remark in loaded.remarks:
        click.echo(visible(remark), err=True)


def _as_json(loaded: LoadedSettings, file: str | None) -> dict[str, object]:
    settings = {
        name: {"value": getattr(loaded.settings, name), "source": source} for name, source in loaded.sources.items()
    }
    return {"file": file, "settings": settings, "variables": _other_variables(), "remarks": loaded.remarks}


def _other_variables() -> dict[str, str]:
    """Returns what other commands read from the environment, without secrets."""
    found = {name: os.environ[name] for name in OTHER_VARIABLES if name in os.environ}
    return found | {name: "(hidden)" for name in SECRET_VARIABLES if name in os.environ}
