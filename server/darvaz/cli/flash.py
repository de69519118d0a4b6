"""`darvaz flash`: from a board on USB to a device that is online and has acknowledged a command."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from darvaz.boards.flashing import FlashError, FlashOutcome, wifi
from darvaz.boards.flashing.configuration import WifiNetwork, check_network
from darvaz.boards.flashing.environment import find_environment
from darvaz.boards.flashing.flash import Flash, Flashed, FlashEnvironment, FlashOptions
from darvaz.boards.program import ProgramError
from darvaz.boards.serial import Port, Prompt, SerialError, find_port, list_boards
from darvaz.boards.serial.ports import AUTO
from darvaz.cli.app_option import program_of
from darvaz.cli.boards import explained
from darvaz.cli.data_folder import data_option
from darvaz.cli.device_option import checked_device
from darvaz.cli.flash_report import FlashFailure, FlashReport, Show, show_json
from darvaz.cli.local_issuer import DataFolderIssuer
from darvaz.cli.owner_key import public_key_of
from darvaz.cli.remote import sentence_of
from darvaz.client.config import DEFAULT_URL, URL_VARIABLE
from darvaz.client.errors import GatewayError
from darvaz.client.synchronous import Gateway
from darvaz.doctor.discovery import find_gateway
from darvaz.doctor.target import TargetError
from darvaz.gateway.access import DEVICE_KINDS
from darvaz.text.terminal import visible

_WAIT_S = 60.0


class WifiAsker:
    """Gets the Wi-Fi from the environment, the last time, or a prompt; remembers one that worked."""

    def __init__(self, asks_again: bool) -> None:
        self._path = wifi.store_path()
        self._asks_again = asks_again
        self._is_own = False
        self.network = wifi.from_environment(os.environ)
        if self.network is not None:
            _check(self.network)
        elif not asks_again:
            self.network = wifi.recall(self._path)

    def known(self) -> WifiNetwork | None:
        """Returns the Wi-Fi if it is known; asks only for --wifi."""
        return self.ask() if self._asks_again and self.network is None else self.network

    def ask(self) -> WifiNetwork:
        """Asks for the Wi-Fi; the password is not shown."""
        if self.network is None:
            if not sys.stdin.isatty():
                raise FlashError(
                    FlashOutcome.WRONG_USE,
                    f"which Wi-Fi should the board join? This is not a terminal: put the name in {wifi.SSID_VARIABLE}"
                    f" and the password in {wifi.PASSWORD_VARIABLE}",
                )
            ssid = click.prompt("Wi-Fi of the board (2.4 GHz)", err=True)
            password = click.prompt(
                "Its password (not shown; Enter for none)", hide_input=True, default="", show_default=False, err=True
            )
            network = WifiNetwork(ssid, password)
            _check(network)
            self.network, self._is_own = network, True
        return self.network

    def keep(self) -> None:
        """Remembers a Wi-Fi that was typed and worked; prints the reason if that fails."""
        if self._is_own and self.network is not None:
            problem = wifi.remember(self._path, self.network)
            click.echo(f"… {problem or f'the Wi-Fi is remembered for the next board, in {self._path}'}", err=True)
            self._is_own = False

    def drop(self) -> None:
        """Forgets a remembered Wi-Fi that did not work."""
        if self.network is not None and wifi.recall(self._path) == self.network:
            wifi.forget(self._path)


_FIND = "find"


@click.command()
@click.argument("kind", required=False, type=click.Choice(DEVICE_KINDS))
@click.option(
    "--port", "ports", multiple=True, default=(AUTO,), show_default=True, metavar="PORT",
    help="auto, a path such as /dev/ttyACM0 or COM3, or id:<serial number>; several times for several boards.",
)  # fmt: skip
@click.option("--all", "takes_all", is_flag=True, help="Flash every attached board, one after the other.")
@click.option("--device", callback=checked_device, help="Its id [default: the one it has, or kind and number].")
@click.option(
    "--gateway", envvar=URL_VARIABLE, show_envvar=True,
    help=f"The gateway, as this machine reaches it [default: the one of `darvaz login`, else {DEFAULT_URL}], or"
    f" {_FIND}: the one that mDNS finds. On another machine it wants an operator's token, in DARVAZ_TOKEN.",
)  # fmt: skip
@click.option("--gateway-url", help="The gateway as the board reaches it [default: found out], ws://192.168.1.5:3000.")
@data_option
@click.option("--wifi", "asks_wifi", is_flag=True, help="Ask for the Wi-Fi, even if one is remembered.")
@click.option(
    "--app", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Put the program of this folder on the board, such as one of `darvaz new`; another main.py is kept beside it.",
)  # fmt: skip
@click.option(
    "--owner-key", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Have the board take only releases that are signed with this key: darvaz releases key.",
)  # fmt: skip
@click.option("--reset-main", is_flag=True, help="Put our main.py in place of the board's, which is kept beside it.")
@click.option("--keep-main", is_flag=True, help="Leave a main.py that does not use Darvaz.")
@click.option("--source", "is_source", is_flag=True, help="Copy the library as .py, to be read on the board.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(1, 3600), default=_WAIT_S, show_default=True,
    help="Seconds for the board to come online.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show what the board prints.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each board.")
def flash(
    kind: str | None,
    ports: tuple[str, ...],
    takes_all: bool,
    device: str | None,
    gateway: str | None,
    gateway_url: str | None,
    data: Path,
    asks_wifi: bool,
    app: Path | None,
    owner_key: Path | None,
    reset_main: bool,
    keep_main: bool,
    is_source: bool,
    wait_s: float,
    verbose: bool,
    as_json: bool,
) -> None:
    """Put the firmware on a board, and see it online.

    KIND, pico or esp32cam, is found out; if it is given, a board of another kind is refused. Only changed files are
    copied, and your main.py and your settings stay. The library is compiled
    for the board's MicroPython (.mpy). The Wi-Fi is asked for once, or taken from DARVAZ_WIFI_SSID and
    DARVAZ_WIFI_PASSWORD; the token is for this device alone.

    Exit status: 0 online, a command acknowledged; 1 no board, or it went away; 2 wrong options; 3 incompatible board,
    unchanged; 4 no token, unchanged; 5 flashed, but no Wi-Fi; 6 flashed, but not at the gateway; 7 flashed, but its
    program does not run; 130 Ctrl-C.
    """
    if reset_main and keep_main:
        raise click.UsageError("--reset-main and --keep-main contradict each other")
    if app is not None and keep_main:
        raise click.UsageError("--app and --keep-main contradict each other: --app brings a main.py")
    program = None if app is None else program_of(app, kind)
    owner = None if owner_key is None else public_key_of(owner_key)
    with explained():
        chosen = _choose(ports, takes_all)
    if device is not None and len(chosen) > 1:
        raise click.UsageError("--device names one board, but several are chosen: leave it out")
    try:
        asker = WifiAsker(asks_wifi)
        environment = find_environment(_client(gateway), gateway_url, DataFolderIssuer(data), asker.ask)
        network, files = asker.known(), None if program is None else program.read()
        if program is not None:
            kind = kind or program.kind
        options = FlashOptions(kind, device, network, reset_main, keep_main, is_source, wait_s, files, owner)
    except FlashError as error:
        click.echo(f"Error: {visible(str(error))}", err=True)
        sys.exit(error.outcome)
    except ProgramError as error:
        raise click.ClickException(visible(str(error))) from None
    with environment.gateway:
        reports = [FlashReport(f"{port.path}: " if len(chosen) > 1 else "", shows_lines=verbose) for port in chosen]
        show = show_json if as_json else _show_result
        outcomes = [
            _flash(port, options, environment, asker, report, show)
            for port, report in zip(chosen, reports, strict=True)
        ]
    sys.exit(next((outcome for outcome in outcomes if outcome is not FlashOutcome.ONLINE), FlashOutcome.ONLINE))


def _client(gateway: str | None) -> Gateway:
    try:
        return Gateway(find_gateway() if gateway == _FIND else gateway)
    except GatewayError as error:
        raise FlashError(FlashOutcome.WRONG_USE, sentence_of(error)) from None
    except TargetError as error:
        raise FlashError(FlashOutcome.WRONG_USE, str(error)) from None


def _choose(ports: tuple[str, ...], takes_all: bool) -> list[Port]:
    """Returns the chosen boards; asks on a terminal if several are attached."""
    attached = list_boards()
    if takes_all:
        return attached or [find_port(AUTO)]
    if ports == (AUTO,) and len(attached) > 1 and sys.stdin.isatty():
        for number, port in enumerate(attached, 1):
            click.echo(f"  {number}  {port}", err=True)
        return [attached[click.prompt("Which board", type=click.IntRange(1, len(attached)), err=True) - 1]]
    return [find_port(port) for port in dict.fromkeys(ports)]


def _flash(
    port: Port,
    options: FlashOptions,
    environment: FlashEnvironment,
    asker: WifiAsker,
    report: FlashReport,
    show: Show,
) -> FlashOutcome:
    """Flashes one board and returns how that ended; prints a failure in one sentence."""
    started_s = time.monotonic()
    try:
        with Prompt.open(port) as prompt:
            flashed = Flash(prompt, options, environment, report).run()
    except FlashError as error:
        outcome = error.outcome
        if outcome is FlashOutcome.NO_WIFI:
            asker.drop()
        elif outcome is FlashOutcome.NO_GATEWAY:
            asker.keep()
        if outcome in (FlashOutcome.NO_WIFI, FlashOutcome.NO_GATEWAY, FlashOutcome.NOT_RUNNING):
            report.show_last_lines()
        return _failed(port, outcome, str(error), show, time.monotonic() - started_s)
    except SerialError as error:
        return _failed(port, FlashOutcome.NO_BOARD, str(error), show, time.monotonic() - started_s)
    asker.keep()
    show(port, flashed, time.monotonic() - started_s)
    return FlashOutcome.ONLINE


def _failed(port: Port, outcome: FlashOutcome, sentence: str, show: Show, took_s: float) -> FlashOutcome:
    click.echo(f"Error: {visible(sentence)}", err=True)
    show(port, FlashFailure(outcome, sentence), took_s)
    return outcome


def _show_result(_: Port, flashed: Flashed | FlashFailure, took_s: float) -> None:
    if isinstance(flashed, FlashFailure):
        return
    info, device = flashed.info, flashed.device
    files = "1 file" if flashed.files == 1 else f"{flashed.files} files"
    signal = f", signal {info['rssi_dbm']} dBm" if "rssi_dbm" in info else ""
    online = f"{device} is online at {info.get('ip', 'the gateway')}{signal}, and acknowledged `info`"
    click.echo(visible(f"{online}. {files} copied; {took_s:.1f} s."))
    for old, new in flashed.set_aside.items():
        click.echo(visible(f"Your {old} is kept as {new}."))
    for path in flashed.left:
        click.echo(
            visible(f"Your {path} was left as it is, as your main.py may use it; ours of that name was not copied.")
        )
    if flashed.keeps_main:
        click.echo("Your main.py was left as it is; --reset-main puts ours in its place and keeps yours.")
    click.echo(visible(f"Next: darvaz send {device} info; darvaz log --follow --device {device}"))


def _check(network: WifiNetwork) -> None:
    problem = check_network(network)
    if problem is not None:
        raise FlashError(FlashOutcome.WRONG_USE, problem)
