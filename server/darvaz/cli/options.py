"""The options of `darvaz serve`, made from the settings, so that none can be missing from --help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from darvaz.settings import Settings, describe, expected, hints, option_name, variable_name


def setting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command one option per setting; values stay text, so that one place checks them all."""
    defaults = Settings()
    for name, hint in reversed(hints().items()):
        notes = f"[default: {_shown(getattr(defaults, name))}; env: {variable_name(name)}]"
        option = click.option(
            option_name(name),
            name,
            metavar=name.rsplit("_", 1)[-1].upper(),
            help=f"{describe(hint)} Expects {expected(hint)}.  {notes}",
        )
        function = option(function)
    return function


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, float):
        return f"{default:g}"
    return str(default) or "none"
