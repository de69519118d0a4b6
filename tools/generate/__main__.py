"""The command: writes the generated files, or with --check names the stale ones."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from darvaz.cli.config_example import config_example
from darvaz.cli.service_unit import system_unit
from darvaz.protocol.asyncapi import build_asyncapi
from tools.generate.command_line import build_command_line
from tools.generate.manual import build_manual
from tools.generate.page import build_page
from tools.generate.tables import build_rules, build_tables

COMMAND = "python -m tools.generate"
ROOT = Path(__file__).resolve().parents[2]
SOURCE = "shared/protocol.json"


def _asyncapi_text(schema: Mapping[str, Any]) -> str:
    text = json.dumps(build_asyncapi(schema), indent=2, ensure_ascii=False) + "\n"
    # Beyond the first plane are only characters that a pattern refuses, mostly invisible ones.
    return "".join(char if char <= "\uffff" else json.dumps(char)[1:-1] for char in text)


BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "firmware/lib/darvaz/messages.py": build_tables,
    "firmware/lib/darvaz/rules.py": build_rules,
    "docs/protocol.md": build_page,
    "docs/asyncapi.json": _asyncapi_text,
}
# Made from the program, not from the schema.
PROGRAM_BUILDERS: Mapping[str, Callable[[], str]] = {
    "deploy/darvaz.toml": config_example,
    "deploy/systemd/darvaz.service": system_unit,
    "docs/command-line.md": build_command_line,
    "deploy/man/darvaz.1": build_manual,
}


def build_all(root: Path = ROOT) -> dict[str, str]:
    """Returns the text of every generated file, by its path in the repository at `root`."""
    schema = json.loads((root / SOURCE).read_text(encoding="utf-8"))
    from_schema = {path: build(schema) for path, build in BUILDERS.items()}
    return from_schema | {path: build() for path, build in PROGRAM_BUILDERS.items()}


def find_stale(root: Path = ROOT) -> list[str]:
    """Returns the paths of generated files that are missing or out of date."""
    return [path for path, text in build_all(root).items() if _read(root / path) != text.encode()]


def write_stale(root: Path = ROOT) -> list[str]:
    """Writes the stale files, and returns their paths."""
    texts = build_all(root)
    stale = [path for path, text in texts.items() if _read(root / path) != text.encode()]
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(texts[path].encode())
    return stale


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Runs the command; returns 1 if --check found a stale file, else 0."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=f"Generates files from {SOURCE} and the settings.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    if parser.parse_args(arguments).check:
        stale = find_stale(root)
        for path in stale:
            print(f"{path} is stale: run `{COMMAND}`", file=sys.stderr)
        return 1 if stale else 0
    for path in write_stale(root):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
