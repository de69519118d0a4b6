"""Builds the manual page darvaz(1) from the commands themselves: the same texts as `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click

from darvaz.cli import cli
from darvaz.cli.options import setting_options
from darvaz.cli.verbs import TABLE
from darvaz.gateway.settings import hints

_HEAD = """\
.\\" Made by python -m tools.generate; do not edit.
.TH DARVAZ 1 2026-11-29 Darvaz "Darvaz Manual"
.SH NAME
darvaz \\- self\\-hosted gateway for MicroPython boards
.SH SYNOPSIS
.B darvaz
.I COMMAND
.RI [ OPTION ]...
.SH DESCRIPTION
Boards connect to the gateway by WebSocket; people use its page, programs its HTTP API.
.B darvaz serve
runs it. The other commands use a gateway that runs, or a board on USB.
.SH COMMANDS
"""
_TAIL = """\
.SH FILES
.TP
.I /etc/darvaz/darvaz.toml
Settings of the gateway; also
.I ~/.config/darvaz/darvaz.toml
and
.I darvaz.toml
in the working directory.
.TP
.I /var/lib/darvaz
Data of the service.
.SH ENVIRONMENT
.TP
.B DARVAZ_GATEWAY
Address of the gateway for commands that use one.
.TP
.B DARVAZ_TOKEN
The token for it.
.TP
.B DARVAZ_CONFIG
File of settings, instead of those above.
.PP
Each setting is also a variable, such as
.B DARVAZ_PORT
for
.BR \\-\\-port .
.SH EXIT STATUS
0 if it is done, 1 if it failed, 2 for an unknown option or argument, 130 after Ctrl\\-C.
"""


def build_manual() -> str:
    """Returns the page in the macros of man(7)."""
    parts = [_HEAD]
    context = click.Context(cli, info_name="darvaz")
    for verb in sorted(TABLE):
        command = cli.get_command(context, verb)
        assert command is not None
        parts += _lines_of(command, f"darvaz {verb}")
    parts.append(".SH SETTINGS\nOptions of \\fBdarvaz serve\\fR; each is a key of the file of settings.\n")
    parts += _options_of(_settings())
    return "".join(parts) + _TAIL


def _lines_of(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(word for word in command.collect_usage_pieces(context) if word != "[OPTIONS]")
    yield f".SS {_escaped(name)} {_escaped(usage)}".rstrip() + "\n"
    yield _paragraphs(command.help or command.short_help or "")
    yield from _options_of([parameter for parameter in command.params if parameter.name not in hints()])
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield from _lines_of(command.commands[inner], f"{name} {inner}")


def _options_of(parameters: list[click.Parameter]) -> Iterator[str]:
    for parameter in parameters:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            record = parameter.get_help_record(click.Context(cli, info_name="darvaz"))
            if record is not None:
                yield f".TP\n.B {_escaped(record[0])}\n{_text(record[1])}\n"


def _settings() -> list[click.Parameter]:
    @click.command()
    @setting_options
    def settings(**given: Any) -> None: ...

    return settings.params


def _paragraphs(text: str) -> str:
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines[0] == "\b":
            found.append(".nf\n" + "\n".join(map(_text, lines[1:])) + "\n.fi\n")
        else:
            found.append(_text(" ".join(lines)) + "\n")
    return ".PP\n".join(found)


def _text(text: str) -> str:
    """Returns a line of text; a dot or an apostrophe at its beginning would be a macro."""
    escaped = _escaped(text)
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
