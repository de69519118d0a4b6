"""`darvaz completion`: the script with which a shell completes verbs, options, devices and commands."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_DARVAZ_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script for SHELL, to be read at its start.

    \b
    bash: eval "$(darvaz completion bash)"     in ~/.bashrc
    zsh:  eval "$(darvaz completion zsh)"      in ~/.zshrc, after compinit
    fish: darvaz completion fish | source      in ~/.config/fish/config.fish
    """
    click.echo(script(shell))


def script(shell: str) -> str:
    """Returns the script of a shell; raises `KeyError` for one that is not in `SHELLS`."""
    if shell not in SHELLS:
        raise KeyError(shell)
    found = get_completion_class(shell)
    assert found is not None
    # Not `found.source`: for bash that would start the bash of this machine, to see its version.
    return ShellComplete.source(found(click.Group(), {}, "darvaz", VARIABLE)).strip()
