"""What the verbs for boards on USB share: the option for the port, and errors as one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import click

from darvaz.boards.serial import Prompt, SerialError
from darvaz.boards.serial.ports import AUTO
from darvaz.text.terminal import visible


def port_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option --port."""
    return click.option(
        "--port",
        default=AUTO,
        show_default=True,
        metavar="PORT",
        help="auto, a path such as /dev/ttyACM0 or COM3, or id:<serial number of the board>.",
    )(function)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns an error of a board into one sentence and exit status 1."""
    try:
        yield
    except SerialError as error:
        raise click.ClickException(visible(str(error))) from None


@contextlib.contextmanager
def stopped(port: str) -> Iterator[Prompt]:
    """Opens a board's prompt, and restarts its program at the end if it was stopped; also after Ctrl-C."""
    with explained(), Prompt.open(port) as prompt:
        try:
            yield prompt
        finally:
            if prompt.was_running:
                with contextlib.suppress(SerialError):
                    prompt.hard_reset()
