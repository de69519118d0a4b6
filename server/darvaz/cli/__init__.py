"""The `darvaz` command: one module for each verb, imported only when the verb is used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from darvaz import __version__, is_compiled
from darvaz.cli.running import run as run_verb
from darvaz.cli.verbs import SECTIONS, TABLE

# Set by the script of `darvaz completion` when somebody presses the key.
_COMPLETING = "_DARVAZ_COMPLETE"
_VERSION = f"%(prog)s %(version)s, {'compiled' if is_compiled else 'plain Python'}"
# Narrower help has more lines than anybody reads.
_HELP_COLUMNS_MIN = 30


class _Formatter(click.HelpFormatter):
    """Help as wide as the terminal; click's own has 50 columns at least."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        super().__init__(indent_increment, width, max_width)
        if width is None:
            columns = shutil.get_terminal_size((80, 24)).columns
            self.width = min(self.width, max(columns - 2, _HELP_COLUMNS_MIN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl(rows, min(col_max, self.width // 2), col_spacing)


class _LazyGroup(click.Group):
    """A group whose commands are functions of their own name, in modules of that name."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        main: Callable[..., Any] = super().main
        without_exit = partial(main, *args, standalone_mode=False, **options)
        return run_verb(without_exit) if standalone_mode else without_exit()

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(TABLE)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in TABLE:
            return None
        module = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"darvaz.cli.{module}"), module)
        if _COMPLETING in os.environ:
            import_module("darvaz.cli.names").add_completion(command)
        return command

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Returns the verbs and options that begin with a text; imports none of them."""
        verbs = [CompletionItem(name, help=TABLE[name].help) for name in sorted(TABLE) if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, context, incomplete)]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for section in SECTIONS:
            with formatter.section(section):
                formatter.write_dl([(name, verb.help) for name, verb in TABLE.items() if verb.section == section])


# The only way to give it to every verb.
click.Context.formatter_class = _Formatter


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="darvaz", message=_VERSION)
def cli() -> None:
    """The self-hosted gateway for MicroPython boards."""
