"""The command line: measures the cases one after another and prints their tables."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from bench.c_programs import CACHE
from bench.case import FULL, QUICK, Bench, Case, Extent
from bench.catalogue import CASES
from bench.child import BenchError
from bench.generator import Generator
from bench.machine import choose_cores, describe_machine, pin_myself
from bench.progress import Steps
from bench.report import Report

_NAMES = [case.name for case in CASES]
_WIDTH_WITHOUT_TERMINAL = 140


@click.command()
@click.option("--quick", is_flag=True, help="Measure less, in about a minute.")
@click.option(
    "--only", "names", multiple=True, type=click.Choice(_NAMES), help="Measure only this case; may be repeated."
)
@click.option("--rounds", type=click.IntRange(1, 100), help="Number of rounds; the median is shown.")
@click.option("--window-ms", type=click.IntRange(10, 60_000), help="Length of a measurement; some take several.")
@click.option("--idle-boards", type=click.IntRange(1, 100_000), help="Number of idle boards.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the results to this file."
)
@click.option("--docs", is_flag=True, help="Write the tables into docs/benchmarks.md.")
def main(
    quick: bool,
    names: tuple[str, ...],
    rounds: int | None,
    window_ms: int | None,
    idle_boards: int | None,
    json_path: Path | None,
    docs: bool,
) -> None:
    """Measure the gateway beside its baselines in one run.

    Ratios are valid for other machines, absolute figures are not; see docs/benchmarks.md.
    """
    if docs and (quick or names):
        raise click.UsageError("--docs is for a whole run, without --quick and --only")
    signal.signal(signal.SIGTERM, _end)
    extent = QUICK if quick else FULL
    extent = extent.limited(rounds) if rounds is not None else extent
    extent = extent.shortened(window_ms) if window_ms is not None else extent
    extent = extent.emptied(idle_boards) if idle_boards is not None else extent
    cases = [case for case in CASES if not names or case.name in names]
    try:
        report = measure(cases, extent)
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo("Interrupted: every program that it started is ended, and no results are written.", err=True)
        sys.exit(130)
    width = None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    report.print(Console(width=width))
    if json_path is not None:
        report.write_json(json_path)
        click.echo(f"Results in {json_path}", err=True)
    if docs:
        report.write_page()


def measure(cases: list[Case], extent: Extent) -> Report:
    """Runs the cases and returns their results."""
    console = Console(stderr=True)
    cores = choose_cores()
    # Before the bench itself makes the machine busy.
    machine = describe_machine(cores)
    pin_myself(cores)
    generator = Generator(cores.load)
    report = Report(machine, extent.is_quick, generator.note)
    for line in report.heading():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    with _folder() as folder, Steps(console, sum(case.steps(extent) for case in cases)) as steps:
        for case in cases:
            report.add(case, case.run(Bench(extent, cores, generator, folder, steps)))
    return report


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Creates a folder on the disk of the checkout: a journal in memory would look too fast."""
    CACHE.mkdir(parents=True, exist_ok=True)
    _remove_old_folders()
    folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=CACHE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_old_folders() -> None:
    """Removes the folders of runs that were killed."""
    for folder in CACHE.glob("run-*-*"):
        try:
            os.kill(int(folder.name.split("-")[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            continue


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(prog_name="python -m bench")
