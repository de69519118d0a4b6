"""The data folder of a gateway on this machine: the option that names it, and its database, opened for a verb."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from darvaz.gateway.config_file import ConfigError, find_config, read_config

if TYPE_CHECKING:
    import sqlite3


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option that says where the gateway keeps its data."""
    return click.option(
        "--data",
        envvar="DARVAZ_DATA",
        show_envvar=True,
        default=_configured_data,
        show_default="the one of darvaz.toml, else data",
        type=click.Path(path_type=Path),
        help="The gateway's data folder, on this machine.",
    )(function)


def _configured_data() -> str:
    """Returns the data folder that darvaz.toml names, else the default."""
    config = find_config()
    if config is None:
        return "data"
    # Here, because most machines have no such file, and the settings take time to load.
    from darvaz.gateway.setting_sources import load_settings
    from darvaz.gateway.settings import SettingsError

    try:
        return load_settings(environ={}, config=config).settings.data
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def service_folder() -> Path | None:
    """Returns the data folder that the environment or darvaz.toml names, for a verb that only asks."""
    if os.environ.get("DARVAZ_DATA"):
        return Path(os.environ["DARVAZ_DATA"]).expanduser()
    config = find_config()
    if config is None:
        return None
    try:
        data = read_config(config).get("data")
    except ConfigError:
        return None
    return config.parent / Path(data).expanduser() if isinstance(data, str) else None


def is_named(context: click.Context) -> bool:
    """Returns whether a person named the data folder, by an option or the environment."""
    given = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return context.get_parameter_source("data") in given


@contextlib.contextmanager
def data_opened(data: Path, *, makes: bool = True) -> Iterator[sqlite3.Connection]:
    """Lends the gateway's database to a command; errors of the database end the command with a sentence.

    If there is no database, one is made in a folder that was named, with a note, as it may be the wrong one; without
    `makes`, or in a folder that was not named, that is an error.
    """
    # Here, because commands for a running gateway need no database.
    from darvaz.gateway.storage.database import DATABASE_NAME, StorageError, opened

    folder = data.expanduser()
    is_new = not (folder / DATABASE_NAME).exists()
    if is_new and not (makes and is_named(click.get_current_context())):
        raise click.ClickException(
            f"no gateway of this machine was found, and no data in {folder}: start it with `darvaz serve`, or name its"
            " folder with --data or its address with --gateway"
        )
    try:
        with opened(folder) as connection:
            if is_new:
                click.echo(
                    f"New data in {folder.resolve()}: if the gateway keeps its data elsewhere, use --data", err=True
                )
            yield connection
    except StorageError as error:
        raise click.ClickException(str(error)) from None
