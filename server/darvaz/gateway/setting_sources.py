"""Where the settings come from: each from an option, else the environment, else darvaz.toml, else its default."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from darvaz.gateway.config_file import CONFIG_VARIABLE, ConfigError, read_config
from darvaz.gateway.settings import (
    PREFIX,
    Settings,
    SettingsError,
    checked,
    hints,
    is_list,
    is_path,
    option_name,
    variable_name,
)

DEFAULT = "default"
# What other commands and parts read from the environment.
SECRET_VARIABLES = ("DARVAZ_TOKEN", "DARVAZ_BOARD_TOKEN", "DARVAZ_WIFI_PASSWORD")
OTHER_VARIABLES = (*SECRET_VARIABLES, CONFIG_VARIABLE, "DARVAZ_COMPILED", "DARVAZ_GATEWAY", "DARVAZ_WIFI_SSID")
_NEAR = 0.7


class LoadedSettings(NamedTuple):
    """The settings, where each value came from, and sentences about names that nobody reads."""

    settings: Settings
    sources: dict[str, str]
    remarks: list[str]


def load_settings(
    given: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None, config: Path | None = None
) -> LoadedSettings:
    """Returns the settings and their sources; `given` are the options, `config` is the file.

    Raises `SettingsError` for an invalid value, and for a key of the file that does not exist.
    """
    environ = os.environ if environ is None else environ
    in_file = {} if config is None else _read(config)
    values: dict[str, Any] = {}
    sources = dict.fromkeys(hints(), DEFAULT)
    for name, hint in hints().items():
        variable = variable_name(name)
        if given and name in given:
            sources[name], values[name] = option_name(name), checked(option_name(name), given[name], hint)
        elif variable in environ:
            sources[name], values[name] = variable, checked(variable, environ[variable], hint)
        elif config is not None and name in in_file:
            sources[name], values[name] = str(config), _from_file(config, name, in_file[name], hint)
    return LoadedSettings(Settings(**values), sources, _unknown_variables(environ))


def _nearest(name: str, names: Iterable[str], prefix: str = "") -> str:
    """Returns a question that names the name most like this one, or nothing; what all begin with is not compared."""
    own_parts = [known.removeprefix(prefix) for known in names]
    found = difflib.get_close_matches(name.removeprefix(prefix), own_parts, n=1, cutoff=_NEAR)
    return f"; did you mean {prefix}{found[0]}?" if found else ""


def _read(config: Path) -> dict[str, Any]:
    try:
        values = read_config(config)
    except ConfigError as error:
        raise SettingsError(str(error)) from None
    for key in values:
        if key not in hints():
            hint = _nearest(key.replace("-", "_").lower(), hints()) or "; `darvaz config` lists the settings"
            raise SettingsError(f"{config}: {key} is not a setting{hint}")
    return values


def _from_file(config: Path, name: str, value: Any, hint: Any) -> Any:
    source = f"{config}: {name}"
    if is_list(hint) and isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ",".join(value)
    converted = checked(source, value, hint)
    if is_path(hint) and converted:
        # As people expect of a file: names in it are looked for beside it.
        return str(config.absolute().parent / Path(converted).expanduser())
    return converted


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = [*map(variable_name, hints()), *OTHER_VARIABLES]
    return [
        f"{name} is set, but is not a setting{_nearest(name, known, PREFIX)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known
    ]
