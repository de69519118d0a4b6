"""The `darvaz` command: one module for each verb, imported only when the verb is used."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from darvaz import __version__, is_compiled
from darvaz.cli.running import run

# What `darvaz --help` shows for each, without importing it.
VERBS = {
    "backup": "Copy all of the gateway's data into one file, while it runs.",
    "completion": "Print the script with which a shell completes names.",
    "config": "Show the value of each setting, and where it comes from.",
    "devices": "List the devices: which are online, and their commands.",
    "doctor": "Find out why a board cannot connect.",
    "enrol": "Let new boards fetch their tokens for some minutes.",
    "erase": "Remove all files of a board; MicroPython itself stays.",
    "firmware": "Install MicroPython itself, the right image for the board.",
    "flash": "Put the firmware on a board on USB, and see it online.",
    "log": "Show the journal, once or as it grows.",
    "login": "Remember a gateway on another machine, for every other command.",
    "ls": "List the files of a board, and the space that is left.",
    "monitor": "Show what a board prints on its serial port.",
    "record": "Make a film of a camera, or a time-lapse.",
    "repl": "Type at the prompt of a board; Ctrl-] leaves it.",
    "rescue": "Get a board back to its prompt, and keep all of its files.",
    "reset": "Restart a board, as its reset button does.",
    "restore": "Put a backup into the data folder.",
    "send": "Send a command to a device and print the result.",
    "serve": "Run the gateway until Ctrl-C or SIGTERM.",
    "service": "Install the gateway as a service of systemd.",
    "signin": "Print a link that signs one browser in, once.",
    "simulate": "Run virtual boards with the real firmware.",
    "snapshot": "Save a picture of a camera, or one at each interval.",
    "token": "Issue, list and revoke the tokens of boards and people.",
    "upgrade-check": "Say what this version does to the data, before its first start.",
}
# Set by the script of `darvaz completion` when somebody presses the key.
_COMPLETING = "_DARVAZ_COMPLETE"
_VERSION = f"%(prog)s %(version)s, {'compiled' if is_compiled else 'plain Python'}"


class _LazyGroup(click.Group):
    """A group whose commands are functions of their own name, in modules of that name."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        main: Callable[..., Any] = super().main
        without_exit = partial(main, *args, standalone_mode=False, **options)
        return run(without_exit) if standalone_mode else without_exit()

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"darvaz.cli.{module}"), module)
        if _COMPLETING in os.environ:
            import_module("darvaz.cli.names").add_completion(command)
        return command

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Returns the verbs and options that begin with a text; imports none of them."""
        verbs = [CompletionItem(verb, help=VERBS[verb]) for verb in sorted(VERBS) if verb.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, context, incomplete)]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb]) for verb in self.list_commands(context)])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="darvaz", message=_VERSION)
def cli() -> None:
    """The self-hosted gateway for MicroPython boards."""
