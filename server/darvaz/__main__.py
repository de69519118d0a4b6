"""Runs the `darvaz` command: `python -m darvaz` and the installed script are the same."""

from __future__ import annotations

# Nothing else, so that Ctrl-C is quiet from as early on as can be.
import signal
import sys

INTERRUPTED = 130


def main() -> None:
    """Runs the command line; Ctrl-C ends it quietly, also while it is still being loaded."""
    # While modules are loaded Python may swallow an exception out of a handler, and go on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from darvaz.cli import cli

    # Not a KeyboardInterrupt, which click would turn into the status of a failure.
    signal.signal(signal.SIGINT, _interrupt)
    cli(prog_name="darvaz")


def _interrupt(number: int, frame: object) -> None:
    sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
