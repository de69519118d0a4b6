"""`darvaz deploy`: gives a program to boards over the air, in steps, and shows what becomes of it."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from darvaz.boards.compiled_library import NoCompiler, NotCompiled, compile_file
from darvaz.boards.program import ProgramError
from darvaz.cli.app_option import program_of
from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.owner_key import sign_release
from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import update_requests
from darvaz.client.types import RolloutInfo
from darvaz.text.terminal import visible, visible_json

MAIN = "main.py"
_LOOK_EVERY_S = 1.0
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OVER = ("done", "stopped")
# What mpy-cross says about @micropython.native and @micropython.viper.
_MACHINE_CODE = "invalid arch"


def _parse_steps(context: click.Context, option: click.Parameter, value: str | None) -> list[float]:
    """Returns shares in percent: `10%,100%`."""
    if value is None:
        return []
    shares = [word.strip().removesuffix("%") for word in value.split(",")]
    try:
        return [float(share) for share in shares]
    except ValueError:
        raise click.BadParameter(f"{value!r}: expected shares of the boards, such as 10%,100%") from None


def _parse_hold(context: click.Context, option: click.Parameter, value: str) -> float:
    """Returns seconds: `90s`, `5m`."""
    found = re.fullmatch(r"(\d+)([smhd])", value)
    if found is None:
        raise click.BadParameter(f"{value!r}: expected a time such as 90s, 5m or 2h")
    return float(int(found[1]) * _UNIT_S[found[2]])


@click.command(short_help="Give a program to boards over the air, in steps.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--to", "to", multiple=True, required=True, help="A device, label, group or kind, or all; may be given again."
)
@click.option("--canary", type=click.IntRange(min=0), default=0, help="Give it to this number of boards first.")
@click.option("--then", "then_percent", callback=_parse_steps, help="Then to these shares of them, such as 10%,100%.")
@click.option("--hold", "hold_s", callback=_parse_hold, default="0s", help="Wait after each step, such as 5m.")
@click.option(
    "--stop-at",
    "stop_percent",
    type=click.FloatRange(0, 100),
    default=None,
    help="Stop when more than this percentage of the boards fell back; 0: at the first, as the setting is at first.",
)
@click.option("--source", "is_source", is_flag=True, help="Send modules as .py, to be read on the board.")
@click.option(
    "--sign", "key_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Sign it with the key in this file, for boards that know its owner: darvaz releases key.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Do not wait for the boards.")
@json_option
@gateway_option
def deploy(
    folder: Path,
    to: tuple[str, ...],
    canary: int,
    then_percent: list[float],
    hold_s: float,
    stop_percent: float | None,
    is_source: bool,
    key_file: Path | None,
    detach: bool,
    as_json: bool,
    gateway: str,
) -> None:
    """Give the program in FOLDER to boards over the air.

    Each board starts it on trial: it is good when the board was online with it for a minute, and its own healthy()
    agrees, if it has one. Otherwise the board goes back to the program before, and the rollout stops.
    """
    program = program_of(folder)
    try:
        files = release_files(program.read(), is_compiled=key_file is not None and not is_source)
    except (ProgramError, NotCompiled) as error:
        raise click.ClickException(visible(str(error))) from None
    signed = {} if key_file is None else sign_release(key_file, files)
    with client_of(gateway) as client:
        release = client.ask(update_requests.add_release(program.name, files, program.micropython))
        plan: dict[str, Any] = {
            "canary": canary,
            "then_percent": then_percent,
            "hold_s": hold_s,
            "source": is_source,
            **signed,
        }
        if stop_percent is not None:
            plan["stop_percent"] = stop_percent
        rollout = client.ask(update_requests.begin_rollout(release["number"], to, **plan))
        if not as_json:
            click.echo(
                f"Release {release['number']} of {visible(program.name)}: {release['files']} files,"
                f" {release['size_bytes']} bytes; rollout {rollout['number']} to {len(rollout['targets'])} board(s)."
            )
        if not detach:
            rollout = _follow(client, rollout, is_quiet=as_json)
    if as_json:
        click.echo(visible_json(rollout, indent=2))
    elif not detach:
        click.echo(f"Rollout {rollout['number']} is {rollout['state']}: {summary(rollout)}")
    if rollout["state"] == "stopped" or rollout["counts"].get("refused"):
        sys.exit(ExitCode.FAILED)


def release_files(files: dict[str, bytes], *, is_compiled: bool = False) -> dict[str, bytes]:
    """Returns the files of a release by their path without the first slash, which the gateway compiles for each board.

    With `is_compiled`, modules are .mpy already. Raises `NotCompiled` for a module that is not Python; that is found
    only where there is an mpy-cross, and on the board elsewhere.
    """
    found = {path.lstrip("/"): data for path, data in files.items()}
    for name, data in list(found.items()):
        if name == MAIN or not name.endswith(".py"):
            continue
        try:
            # Tracebacks show the name that it has in the folder.
            compiled = compile_file(name, data)
        except NotCompiled as error:
            # The board itself compiles machine code, which is for one processor.
            if is_compiled or not (isinstance(error, NoCompiler) or _MACHINE_CODE in str(error)):
                raise
        else:
            if is_compiled:
                del found[name]
                found[name.removesuffix(".py") + ".mpy"] = compiled
    return found


def summary(rollout: RolloutInfo) -> str:
    """Returns how many boards are in which state, and why it stopped."""
    counts = ", ".join(f"{count} {in_words(state)}" for state, count in sorted(rollout["counts"].items()))
    reason = rollout["reason"].strip().splitlines()
    # Of a traceback the last line; what is before the first colon names the board.
    text = "" if not reason else reason[0] if len(reason) == 1 else f"{reason[0].partition(': ')[0]}: {reason[-1]}"
    return visible(f"{counts}. {text}".strip())


def in_words(state: str) -> str:
    """Returns the state of a board as people read it."""
    return state.replace("_", " ")


def last_line(reason: str) -> str:
    """Returns what a reason comes to: of a traceback, its last line."""
    return (reason.strip().splitlines() or [""])[-1]


def _follow(client: Any, rollout: RolloutInfo, *, is_quiet: bool) -> RolloutInfo:
    """Prints each change until no board is under way."""
    shown: dict[str, str] = {}
    while True:
        for target in rollout["targets"]:
            if shown.get(target["device"]) != target["state"] and not is_quiet:
                shown[target["device"]] = target["state"]
                first, *rest = target["reason"].splitlines() or [""]
                state = in_words(target["state"])
                click.echo(visible(f"{target['device']:>20} {state}{first and ': '}{first}"))
                for line in rest:
                    click.echo(visible(f"{'':>20} {line}"))
        under_way = any(target["state"] in ("transferring", "trial") for target in rollout["targets"])
        if rollout["state"] in _OVER and not under_way:
            return rollout
        time.sleep(_LOOK_EVERY_S)
        rollout = client.ask(update_requests.rollout(rollout["number"]))
