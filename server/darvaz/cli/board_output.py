"""What `darvaz simulate` prints: the lines of its boards with their names, or JSON objects."""

from __future__ import annotations

import sys

import click

from darvaz.text.terminal import visible, visible_json

_COLOURS = ("cyan", "magenta", "yellow", "green", "blue")


class BoardOutput:
    """Prints on standard output; as JSON, only what boards do, and the rest on standard error."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        # Device → its colour, in the order of their first lines.
        self._colours: dict[str, str] = {}

    def tell(self, sentence: str) -> None:
        """Prints a sentence for people."""
        click.echo(sentence, err=self._as_json)

    def show_port(self, device: str, port: str) -> None:
        """Tells that a board was switched on, and where its serial port is."""
        if self._as_json:
            self._print({"device": device, "port": port})
        else:
            self.show_line(device, f"switched on; mpremote connect {port}")

    def show_line(self, device: str, line: str) -> None:
        """Shows what a board printed."""
        if not line.strip():
            return
        if self._as_json:
            self._print({"device": device, "line": line})
            return
        colour = self._colours.setdefault(device, _COLOURS[len(self._colours) % len(_COLOURS)])
        click.echo(click.style(f"{device:>20} ", fg=colour) + visible(line))
        sys.stdout.flush()

    def _print(self, value: dict[str, str]) -> None:
        click.echo(visible_json(value))
        sys.stdout.flush()
