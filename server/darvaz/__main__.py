"""Runs the `darvaz` command: `python -m darvaz` and the installed script are the same."""

from __future__ import annotations

# Only these at first, so that Ctrl-C is quiet from the beginning.
import gc
import signal
import sys

# Most verbs are imports, which leave no garbage; to look for it would take a tenth of their time.
_ALLOCATIONS_PER_LOOK = 50_000


def main() -> None:
    """Runs the command line; Ctrl-C ends it quietly, also during the imports."""
    # During an import Python may ignore an exception from a handler, and go on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(_ALLOCATIONS_PER_LOOK, 20, 100)
    from darvaz.cli import cli
    from darvaz.cli.exit_codes import ExitCode

    # Not a KeyboardInterrupt: click would give it the status of a failure.
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(ExitCode.INTERRUPTED))
    cli(prog_name="darvaz")


if __name__ == "__main__":
    main()
