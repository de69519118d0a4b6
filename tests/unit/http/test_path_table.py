"""The table of paths finds what the router finds."""

from __future__ import annotations

from starlette.routing import compile_path

from darvaz.gateway.api.path_table import PathTable
from darvaz.gateway.api.routes import OPERATIONS

PATHS = list(dict.fromkeys(operation.path for operation in OPERATIONS if ".jpg" not in operation.path))
NAMED = [path.replace("{", "").replace("}", "") for path in PATHS]


PATHS_ASKED = [*NAMED, *[f"{path}/" for path in NAMED], "/", "//", "/api//commands/x", "/api/devices/x\n"]


def test_paths_are_found_as_by_the_router() -> None:
    table = PathTable({pattern: pattern for pattern in PATHS})
    rules = [(pattern, compile_path(pattern)[0]) for pattern in PATHS]

    for path in PATHS_ASKED:
        matches = ((pattern, rule.match(path)) for pattern, rule in rules)
        assert table.find(path) == next(((pattern, match.groupdict()) for pattern, match in matches if match), None)
