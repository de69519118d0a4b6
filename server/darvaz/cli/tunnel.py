"""`darvaz tunnel`: the prompt of a device elsewhere as a port of this machine, for mpremote and editors."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path
from typing import Protocol

import click

from darvaz.cli.remote import client_of, gateway_option, sentence_of
from darvaz.cli.verb_options import json_option
from darvaz.client.errors import GatewayError
from darvaz.client.prompt import RemotePrompt
from darvaz.client.stopped_prompt import INTERRUPT, StoppedPrompt
from darvaz.client.synchronous import Gateway
from darvaz.text.terminal import visible, visible_json
from darvaz.tunnel.raw_prompt import RawPrompt
from darvaz.tunnel.terminal import READ_BYTES, TunnelTerminal


@click.command()
@click.argument("device")
@click.option("--link", type=click.Path(path_type=Path), help="Make a link of this name that leads to the port.")
@click.option("--stop", "stops", is_flag=True, help="Stop the board's program until the end.")
@json_option
@gateway_option
def tunnel(device: str, link: Path | None, stops: bool, as_json: bool, gateway: str) -> None:
    """Give the prompt of DEVICE, wherever it is, a port on this machine, until Ctrl-C.

    mpremote, Thonny and editors use the port like a board on USB, while the board's program goes on. With --stop, code
    runs in its place: Ctrl-C, input and `mpremote mount` work, and at the end the board restarts.
    """
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with client_of(gateway) as client, contextlib.ExitStack() as stack:
        # Before the port is there: whether the device is there, and this caller may.
        version = _version_of(client, device)
        prompt: TunnelPrompt
        if stops:
            stopped = stack.enter_context(StoppedPrompt(client, device))
            terminal = stack.enter_context(TunnelTerminal(link))
            prompt = _InPlace(stopped, terminal, is_over)
        else:
            beside = stack.enter_context(RemotePrompt(client, device))
            terminal = stack.enter_context(TunnelTerminal(link))
            prompt = _Beside(beside)
        state = "is stopped" if stops else "goes on"
        banner = f"MicroPython {version}; {device} through Darvaz, its program {state}"
        raw = RawPrompt(terminal.write, prompt.run, prompt.reset, visible(banner))
        port = str(link or terminal.path)
        if as_json:
            click.echo(visible_json({"device": device, "port": port}))
        else:
            click.echo(f"{visible(port)} is the prompt of {visible(device)}; Ctrl-C ends it.")
            click.echo(f"Example: mpremote connect {visible(port)} ls", err=True)
        terminal.serve(raw.receive, is_over.is_set)


def _version_of(client: Gateway, device: str) -> str:
    with RemotePrompt(client, device) as prompt:
        version, error = prompt.run("import sys; print(sys.version)")
    if error is not None:
        raise click.ClickException(visible(error.strip().splitlines()[-1]))
    return version.strip()


class TunnelPrompt(Protocol):
    """What a tool's code runs at."""

    def run(self, code: str, is_line: bool) -> tuple[str, str | None]:
        """Runs code, and returns what it printed and was not shown, and the traceback that ended it or None."""

    def reset(self) -> None:
        """Forgets what was set."""


def _reset(prompt: RemotePrompt | StoppedPrompt) -> None:
    """Has the board forget what was set; where that fails, says why, and the tunnel goes on."""
    try:
        prompt.reset()
    except GatewayError as error:
        click.echo(sentence_of(error), err=True)


class _Beside:
    """Beside the program."""

    def __init__(self, prompt: RemotePrompt) -> None:
        self._prompt = prompt

    def run(self, code: str, is_line: bool) -> tuple[str, str | None]:
        try:
            return self._prompt.run(code, is_value=is_line and is_expression(code))
        except GatewayError as error:
            # As the board's own error: the tool shows it, and the tunnel goes on.
            return "", f"{sentence_of(error)}\n"

    def reset(self) -> None:
        _reset(self._prompt)


class _InPlace:
    """In place of the program: what it prints is shown at once, and what the tool sends meanwhile is its input."""

    def __init__(self, prompt: StoppedPrompt, terminal: TunnelTerminal, is_over: threading.Event) -> None:
        self._prompt = prompt
        self._terminal = terminal
        self._is_over = is_over
        # Whether the tool has sent input to the code that runs; and what it sent behind Ctrl-C, None: it sent none.
        self._has_typed = False
        self._behind: bytes | None = None

    def run(self, code: str, is_line: bool) -> tuple[str, str | None]:
        try:
            is_value = is_line and is_expression(code)
            self._has_typed, self._behind = False, None
            error = self._prompt.run(code, self._terminal.write, self._typed, is_value=is_value)
            is_interrupted = error is not None and error.rstrip().rpartition("\n")[2].startswith("KeyboardInterrupt")
            if is_interrupted and self._behind is not None:
                # What interrupts code goes on at the prompt at once.
                self._terminal.put_back(self._behind)
            elif error is not None and self._has_typed and not is_line and (count := self._terminal.drop_input()):
                # A file, for example, that did not fit into the memory of the board; as code it would run.
                error += f"{count} bytes of input came after the code had ended, and are dropped\n"
            return "", error
        except GatewayError as error:
            return "", f"{sentence_of(error)}\n"

    def reset(self) -> None:
        _reset(self._prompt)

    def _typed(self, wait_s: float) -> bytes:
        data = INTERRUPT if self._is_over.wait(0) else self._terminal.read(wait_s)
        self._has_typed = self._has_typed or bool(data)
        if INTERRUPT in data:
            self._behind = data.rpartition(INTERRUPT)[2]
        elif self._behind is not None:
            self._behind = (self._behind + data)[:READ_BYTES]
        return data


def is_expression(code: str) -> bool:
    """Whether code is one expression, whose value is shown."""
    try:
        compile(code.strip(), "<prompt>", "eval")
    except (SyntaxError, ValueError):
        return False
    return bool(code.strip())
