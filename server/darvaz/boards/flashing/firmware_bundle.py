"""The program that prints the firmware for a kind of board as JSON, for the gateway, which compiles nothing itself.

    python -m darvaz.boards.flashing.firmware_bundle pico 6

The number is the version of .mpy files that the board loads. The answer has `files`, base64 by path on the board, with
main.py last, and `why_source`: why the library is source, null if it is compiled.
"""

from __future__ import annotations

import base64
import json
import sys

from darvaz.boards.flashing.firmware_files import read_deployed


def main() -> None:
    """Prints the firmware."""
    kind, mpy_version = sys.argv[1], int(sys.argv[2])
    deployed = read_deployed(kind, mpy_version)
    files = {path: base64.b64encode(data).decode() for path, data in deployed.files.items()}
    sys.stdout.write(json.dumps({"files": files, "why_source": deployed.why_source}))


if __name__ == "__main__":
    main()
