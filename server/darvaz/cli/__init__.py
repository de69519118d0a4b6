"""The `darvaz` command: one file per verb; this one gathers them."""

from __future__ import annotations

import click

from darvaz import __version__, is_compiled
from darvaz.cli.devices import devices
from darvaz.cli.doctor import doctor
from darvaz.cli.enrol import enrol
from darvaz.cli.erase import erase
from darvaz.cli.firmware import firmware
from darvaz.cli.flash import flash
from darvaz.cli.log import log
from darvaz.cli.login import login
from darvaz.cli.ls import ls
from darvaz.cli.monitor import monitor
from darvaz.cli.record import record
from darvaz.cli.repl import repl
from darvaz.cli.rescue import rescue
from darvaz.cli.reset import reset
from darvaz.cli.send import send
from darvaz.cli.serve import serve
from darvaz.cli.signin import signin
from darvaz.cli.simulate import simulate
from darvaz.cli.snapshot import snapshot
from darvaz.cli.token import token

_VERSION = f"%(prog)s %(version)s, {'compiled' if is_compiled else 'plain Python'}"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="darvaz", message=_VERSION)
def cli() -> None:
    """The self-hosted gateway for MicroPython boards."""


for command in (serve, simulate, devices, send, snapshot, record, log, signin, login, token, enrol, doctor):
    cli.add_command(command)
for command in (flash, firmware, rescue, repl, ls, reset, monitor, erase):
    cli.add_command(command)
