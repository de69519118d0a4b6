"""Runs a soak: boards connect, send messages and disconnect in every way; nothing acknowledged may be lost.

The gateway is killed once and restarted once. Exit status 1 and a list of errors if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from darvaz.pytest_plugin.gateway_process import GatewayProcessError
from tools.soak.run import SoakRun

FINDINGS_SHOWN_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it runs (10)")
    parser.add_argument("--links", type=int, default=200, help="number of boards (200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the boards' random choices (0)")
    options = parser.parse_args()
    if not 0.05 <= options.minutes <= 600 or not 1 <= options.links <= 2000:
        parser.error("--minutes is from 0.05 to 600, --links from 1 to 2000")
    with tempfile.TemporaryDirectory(prefix="darvaz-soak-") as folder:
        soak = SoakRun(Path(folder), options.minutes * 60, options.links, options.seed, print_line)
        try:
            asyncio.run(soak.run())
        except KeyboardInterrupt:
            print_line("stopped")
            return 130
        except GatewayProcessError as error:
            print_line(str(error))
            return 1
    return report(soak)


def report(soak: SoakRun) -> int:
    """Prints the counts and the errors, and returns the exit status."""
    for name, count in sorted(soak.record.counts.items()):
        print_line(f"  {name}: {count}")
    print_line(f"  pings answered: {len(soak.record.answered_at_s)}, commands executed: {len(soak.record.executed)}")
    print_line("  " + ", ".join(f"{name} {value}" for name, value in soak.figures.items()))
    for sentence in soak.findings[:FINDINGS_SHOWN_MAX]:
        print_line(f"error: {sentence}")
    print_line(f"{len(soak.findings)} errors" if soak.findings else "no errors")
    return 1 if soak.findings else 0


def print_line(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
