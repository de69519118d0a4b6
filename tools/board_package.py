"""Writes the list of files that `mpremote mip install` takes for the board library: `python -m tools.board_package`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Here, and not beside the files, so that a copy of the library's folder is exactly what a board needs.
PACKAGE = "firmware/package.json"
LIBRARY = "firmware/lib/darvaz"


def build_package(root: Path = ROOT) -> str:
    """Returns the text of package.json; its addresses are relative to it, so they work from a clone and a URL."""
    library = root / LIBRARY
    version = re.search(r'^VERSION = "(.+)"$', (library / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    if version is None:
        raise ValueError(f"{LIBRARY}/__init__.py has no VERSION")
    urls = [[f"darvaz/{file.name}", f"lib/darvaz/{file.name}"] for file in sorted(library.glob("*.py"))]
    return json.dumps({"version": version[1], "urls": urls, "deps": []}, indent=2) + "\n"


def main() -> int:
    """Writes the file and returns the exit code."""
    (ROOT / PACKAGE).write_text(build_package(), encoding="utf-8")
    print(f"wrote {PACKAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
