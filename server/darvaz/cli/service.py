"""`darvaz service`: installs the gateway as a systemd service, removes it, and shows how it does."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.service_unit import SYSTEM_CONFIG, SYSTEM_DATA, UNIT_NAME, system_unit, user_unit
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json

DEADLINE_S = 360
NOT_RUNNING = 3
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_STATUS = ("LoadState", "ActiveState", "SubState", "MainPID", "NRestarts", "StatusText", "UnitFileState")


@click.group()
def service() -> None:
    """Run the gateway as a service of systemd: it starts with the machine, and again when it fails."""


def _user_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--user", "for_user", is_flag=True, help="A service of this user, not of the machine.")(
        function
    )


def _dry_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--dry-run", is_flag=True, help="Only print the files and the commands.")(function)


@service.command()
@_user_option
@_dry_option
def install(for_user: bool, dry_run: bool) -> None:
    """Write the unit and start the service; settings are in the darvaz.toml that it names.

    The service of the machine has a user of its own and its data in /var/lib/darvaz. With --user it is yours, with
    data in ~/.local/share/darvaz; `loginctl enable-linger` then starts it with the machine.
    """
    unit, config, data = _planned(for_user)
    unit_file = _unit_file(for_user)
    settings = f'# `darvaz config --example` prints all settings.\ndata = "{data}"\n'
    commands = [_systemctl(for_user, "daemon-reload"), _systemctl(for_user, "enable", "--now", UNIT_NAME)]
    if dry_run:
        click.echo(f"# {unit_file}\n{unit}")
        if not config.exists():
            click.echo(f"# {config}\n{settings}")
        for command in commands:
            click.echo("$ " + " ".join(command))
        return
    _require_systemd(for_user)
    if not for_user:
        _require_readable()
    if not config.exists():
        _write(config, settings)
    _write(unit_file, unit)
    for command in commands:
        _run(command)
    click.echo(f"The service runs, and starts again by itself: {unit_file}\nSettings: {config}\nData: {data}")
    click.echo(f"Log: journalctl {'--user ' if for_user else ''}-u darvaz -f")


@service.command()
@_user_option
@_dry_option
def uninstall(for_user: bool, dry_run: bool) -> None:
    """Stop the service and remove its unit; settings and data stay."""
    unit_file = _unit_file(for_user)
    stop, reload = _systemctl(for_user, "disable", "--now", UNIT_NAME), _systemctl(for_user, "daemon-reload")
    if dry_run:
        click.echo(f"$ {' '.join(stop)}\n$ rm {unit_file}\n$ {' '.join(reload)}")
        return
    _require_systemd(for_user)
    if not unit_file.exists():
        raise click.ClickException(f"{unit_file} does not exist: the service was not installed by `darvaz service`")
    _run(stop)
    try:
        unit_file.unlink()
    except OSError as error:
        raise click.ClickException(f"{unit_file} cannot be removed: {error.strerror}") from None
    _run(reload)
    _, config, data = _planned(for_user)
    click.echo(f"The service is removed. Settings and data stay: {config}, {data}")


@service.command()
@_user_option
@json_option
def status(for_user: bool, as_json: bool) -> None:
    """Show whether the service runs; ends with 3 if it does not."""
    _require_systemctl()
    shown = _run(_systemctl(for_user, "show", UNIT_NAME, *(f"--property={name}" for name in _STATUS)))
    values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if as_json:
        is_active = values.get("LoadState") == "loaded" and values.get("ActiveState") == "active"
        click.echo(visible_json({"active": is_active, **{name: values.get(name, "") for name in _STATUS}}, indent=2))
        sys.exit(ExitCode.DONE if is_active else NOT_RUNNING)
    if values.get("LoadState") != "loaded":
        click.echo("The service is not installed: darvaz service install")
        sys.exit(NOT_RUNNING)
    active = values.get("ActiveState", "unknown")
    click.echo(visible(f"The service is {active} ({values.get('SubState', 'unknown')})"))
    if values.get("StatusText"):
        click.echo(visible(f"It says: {values['StatusText']}"))
    click.echo(visible(f"Process {values.get('MainPID', '0')}; started again {values.get('NRestarts', '0')} times"))
    click.echo(visible(f"At the start of the machine: {values.get('UnitFileState', 'unknown')}"))
    if active != "active":
        click.echo(f"Why: journalctl {'--user ' if for_user else ''}-u darvaz -e")
        sys.exit(NOT_RUNNING)


def _planned(for_user: bool) -> tuple[str, Path, Path]:
    """Returns the unit, its file of settings and its data folder."""
    if not for_user:
        return system_unit(_command()), Path(SYSTEM_CONFIG), Path(SYSTEM_DATA)
    config = _base("XDG_CONFIG_HOME", ".config") / "darvaz" / "darvaz.toml"
    return user_unit(_command(), str(config)), config, _base("XDG_DATA_HOME", ".local/share") / "darvaz"


def _unit_file(for_user: bool) -> Path:
    folder = _base("XDG_CONFIG_HOME", ".config") / "systemd/user" if for_user else Path("/etc/systemd/system")
    return folder / UNIT_NAME


def _base(variable: str, otherwise: str) -> Path:
    """Returns a base folder of the user (XDG 0.8): a relative one counts as unset."""
    configured = os.environ.get(variable, "")
    return Path(configured) if os.path.isabs(configured) else Path.home() / otherwise


def _command() -> list[str]:
    """Returns the command that runs this Darvaz: its script, or Python with the module."""
    script = Path(sys.executable).parent / "darvaz"
    return [str(script)] if script.is_file() else [sys.executable, "-m", "darvaz"]


def _systemctl(for_user: bool, *arguments: str) -> list[str]:
    return ["systemctl", *(["--user"] if for_user else []), *arguments]


def _require_systemctl() -> None:
    if shutil.which("systemctl") is None:
        raise click.ClickException("this machine has no systemd; see `As a service` in docs/operations.md")


def _require_systemd(for_user: bool) -> None:
    _require_systemctl()
    if not for_user and os.geteuid() != 0:
        raise click.ClickException("a service of the machine needs root: use sudo, or --user for one of your own")


def _require_readable() -> None:
    """Refuses a program that the user of the service could not start."""
    program = Path(_command()[0])
    is_hidden = any(home in program.resolve().parents for home in _HOMES)
    if is_hidden or not all(path.stat().st_mode & stat.S_IXOTH for path in (program, *program.parents)):
        raise click.ClickException(
            f"{program} is in a folder that the service's own user cannot read: install Darvaz in /opt/darvaz, or use "
            "--user"
        )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


def _run(command: Sequence[str]) -> str:
    """Runs systemctl and returns what it printed; its errors become ours."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"`{' '.join(command)}` did not end within {DEADLINE_S} s") from None
    if done.returncode != 0:
        if "not been booted with systemd" in done.stderr:
            raise click.ClickException("systemd does not run this machine: have what does run it start `darvaz serve`")
        reason = visible("; ".join(done.stderr.split("\n")).strip("; ") or f"it ended with {done.returncode}")
        raise click.ClickException(f"`{' '.join(command)}` failed: {reason}")
    return done.stdout
