"""The options of `darvaz serve`, made from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from darvaz.gateway.config_file import CONFIG_VARIABLE
from darvaz.gateway.settings import Settings, describe, expected, hints, option_name, variable_name


def setting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command one option for each setting; values stay text, and the settings check them."""
    defaults = Settings()
    for name, hint in reversed(hints().items()):
        # "Some text" would not help.
        right = "" if expected(hint) == expected(str) else f" Expects {expected(hint)}."
        notes = f"[default: {shown(getattr(defaults, name))}; env: {variable_name(name)}]"
        option = click.option(
            option_name(name),
            name,
            metavar=name.rsplit("_", 1)[-1].upper(),
            help=f"{describe(hint)}{right}  {notes}",
        )
        function = option(function)
    return function


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option that names the file of settings."""
    return click.option(
        "--config",
        metavar="FILE",
        help="File of settings  [default: darvaz.toml here, in ~/.config/darvaz or in /etc/darvaz; "
        f"env: {CONFIG_VARIABLE}]",
    )(function)


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, float):
        return f"{default:g}"
    return str(default) or "none"
