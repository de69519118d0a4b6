"""Options from elsewhere: those of `darvaz serve`, made from the settings, and the check of a device's id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from darvaz.gateway.config_file import CONFIG_VARIABLE
from darvaz.gateway.settings import Settings, describe, expected, hints, option_name, variable_name
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.device_ids import normal_id
from darvaz.protocol.faults import Fault


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


def checked_device(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Checks a device's id and returns its one spelling, as the callback of an option."""
    if value is None:
        return None
    checked = MessageCodec().check("connect", {"device": value})
    if isinstance(checked, Fault):
        raise click.BadParameter(checked.message.removeprefix("device: "))
    return normal_id(value) or value


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, float):
        return f"{default:g}"
    return str(default) or "none"
