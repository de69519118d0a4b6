"""Runs the `darvaz` command: `python -m darvaz` and the installed script are the same."""

from darvaz.cli import main

if __name__ == "__main__":
    main()
