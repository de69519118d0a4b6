"""The program that compiles modules of a maker for boards, for the gateway, which compiles nothing itself.

    python -m darvaz.boards.compiled_modules 6 19 < modules.json

The numbers are the version of .mpy files that the boards load, and the form of machine code in them. The input is an
object of sources, in base64 by their path in the release. The answer has `compiled`, base64 by the path of the source,
and `why`: why the others are source.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping

from darvaz.boards.compiled_library import NotCompiled, compile_file

# What a gateway has the compiler from.
_EXTRA = "updates"


def compile_modules(
    sources: Mapping[str, bytes], mpy_version: int, mpy_native: int
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Returns what could be compiled, and why the rest could not, by path; tracebacks keep path and line."""
    compiled, why = {}, {}
    for path, data in sources.items():
        try:
            compiled[path] = compile_file(path, data, mpy_version, mpy_native, _EXTRA)
        except NotCompiled as error:
            why[path] = str(error)
    return compiled, why


def main() -> None:
    """Reads sources and prints what became of them."""
    sources = {path: base64.b64decode(text) for path, text in json.load(sys.stdin).items()}
    compiled, why = compile_modules(sources, int(sys.argv[1]), int(sys.argv[2]))
    texts = {path: base64.b64encode(data).decode() for path, data in compiled.items()}
    sys.stdout.write(json.dumps({"compiled": texts, "why": why}))


if __name__ == "__main__":
    main()
