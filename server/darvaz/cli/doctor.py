"""`darvaz doctor`: checks, step by step, why a board cannot connect, or what is wrong with one, and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TextIO

import click
from rich.console import Console
from rich.text import Text

from darvaz.cli.device_option import checked_device
from darvaz.cli.exit_codes import ExitCode
from darvaz.client.config import URL_VARIABLE
from darvaz.doctor import DoctorOptions, Finding, StepOutcome, TargetError, parse_target, run_checks
from darvaz.doctor.discovery import find_gateway
from darvaz.doctor.target import kinds
from darvaz.doctor.token_steps import SourcedToken
from darvaz.text.terminal import visible

_TOKEN_VARIABLE = "DARVAZ_BOARD_TOKEN"
_TOKEN_FILE_CHARS_MAX = 4096
_STYLES = {
    StepOutcome.OK: "green",
    StepOutcome.ADVICE: "yellow",
    StepOutcome.FAILED: "bold red",
    StepOutcome.SKIPPED: "dim",
}
_DEVICE_DEFAULT = "doctor"


@click.command()
@click.argument("url", metavar="[URL | DEVICE]", required=False)
@click.option("--kind", type=click.Choice(list(kinds())), help="Kind of board to be [default: by path, pico].")
@click.option("--token", "asks_token", is_flag=True, help="Ask for the token of a board (it is not shown).")
@click.option("--token-file", type=click.File(encoding="utf-8"), help="Read the token from a file (- is stdin).")
@click.option(
    "--device", callback=checked_device, help="Connect with this id: the id of the board that the token belongs to."
)
@click.option(
    "--idle",
    "idle_s",
    type=click.FloatRange(0, 3600),
    default=3.0,
    show_default=True,
    help="Seconds of silence.",
)
@click.option(
    "--deadline",
    "deadline_s",
    type=click.FloatRange(0.1, 120),
    default=5.0,
    show_default=True,
    help="Seconds for a step.",
)
@click.option(
    "--gateway",
    envvar=URL_VARIABLE,
    show_envvar=True,
    help="Address of the gateway that knows DEVICE [default: as for `darvaz devices`].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def doctor(
    url: str | None,
    kind: str | None,
    asks_token: bool,
    token_file: TextIO | None,
    device: str | None,
    idle_s: float,
    deadline_s: float,
    gateway: str | None,
    as_json: bool,
) -> None:
    """Find out what is wrong with DEVICE, or why a board cannot connect to the gateway at URL.

    DEVICE is the id of a board: its gateway tells what it knows of it in the last day, and what to do. With neither,
    the gateway that mDNS finds is checked.

    URL is host:port, ws://… or http://…, with or without /ws/pico. A token is taken from --token,
    --token-file or the variable DARVAZ_BOARD_TOKEN (DARVAZ_TOKEN is an operator's, and not used for URL); without
    any, one is fetched from the gateway, as in the guide. Exit status: 0 if nothing failed, else 1.
    """
    if url is not None and (findings := _examined(url, gateway)):
        _show_board(url, findings, as_json)
        sys.exit(_exit_code(findings))
    try:
        if url is None:
            url = find_gateway()
            click.echo(f"Found a gateway at {visible(url)}.", err=True)
        target = parse_target(url, kind)
    except TargetError as error:
        raise click.BadParameter(str(error), param_hint="URL") from error
    token = _given_token(asks_token, token_file, named=device is not None)
    options = DoctorOptions(target, token, device or _DEVICE_DEFAULT, idle_s, deadline_s)
    findings = asyncio.run(_run(options, as_json))
    sys.exit(_exit_code(findings))


def _exit_code(findings: list[Finding]) -> ExitCode:
    return ExitCode.FAILED if _failed(findings) else ExitCode.DONE


def _failed(findings: list[Finding]) -> list[str]:
    return [finding.step for finding in findings if finding.outcome is StepOutcome.FAILED]


def _examined(text: str, gateway: str | None) -> list[Finding]:
    """Returns the findings about a device; none if the text is the address of a gateway."""
    # Here, because the client takes a tenth of a second to load.
    from darvaz.cli.doctor_board import examine, is_address

    if is_address(text):
        return []
    may_be_host = "." in text
    try:
        return examine(gateway or "", text, only_known=may_be_host)
    except click.ClickException:
        if may_be_host:
            return []
        raise


def _show_board(device: str, findings: list[Finding], as_json: bool) -> None:
    broken = _failed(findings)
    if as_json:
        steps = [finding.as_json() for finding in findings]
        click.echo(json.dumps({"device": device, "ok": not broken, "steps": steps}, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    for finding in findings:
        _print(console, finding)
    verdict = f"Something is wrong: {', '.join(broken)}." if broken else f"{visible(device)} is all right."
    console.print(Text(verdict, style="bold"), soft_wrap=True)


def _given_token(asks: bool, file: TextIO | None, *, named: bool) -> SourcedToken | None:
    """Returns the token that was given; it is used as a device only if --device names one."""
    variable = os.environ.get(_TOKEN_VARIABLE)
    if asks:
        return SourcedToken(click.prompt("Token", hide_input=True, err=True).strip(), "the prompt", named)
    if file is not None:
        return SourcedToken(_read(file), f"the file {file.name}", named)
    if variable:
        return SourcedToken(variable.strip(), _TOKEN_VARIABLE, named)
    return None


def _read(file: TextIO) -> str:
    try:
        return file.read(_TOKEN_FILE_CHARS_MAX).strip()
    except UnicodeError as error:
        raise click.BadParameter("the file is not text in UTF-8", param_hint="--token-file") from error


async def _run(options: DoctorOptions, as_json: bool) -> list[Finding]:
    console = Console(highlight=False)
    findings = []
    async for finding in run_checks(options):
        findings.append(finding)
        if not as_json:
            _print(console, finding)
    if as_json:
        _print_json(options, findings)
    else:
        _print_verdict(console, options, findings)
    return findings


def _print(console: Console, finding: Finding) -> None:
    line = Text.assemble(
        (f"{finding.outcome.value:<8}", _STYLES[finding.outcome]),
        f"{finding.step:<12}",
        (f"{finding.duration_ms:>7.0f} ms  " if finding.duration_ms else "", "dim"),
        finding.detail,
    )
    console.print(line, soft_wrap=True)
    if finding.remedy:
        console.print(Text(f"{'':<8}→ {finding.remedy}", style="yellow"), soft_wrap=True)


def _print_verdict(console: Console, options: DoctorOptions, findings: list[Finding]) -> None:
    broken = _failed(findings)
    verdict = f"Something is wrong: {', '.join(broken)}." if broken else f"{options.target.ws_url} is all right."
    console.print(Text(verdict, style="bold"), soft_wrap=True)


def _print_json(options: DoctorOptions, findings: list[Finding]) -> None:
    is_well = not _failed(findings)
    document = {
        "url": options.target.ws_url,
        "ok": is_well,
        "steps": [finding.as_json() for finding in findings],
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
