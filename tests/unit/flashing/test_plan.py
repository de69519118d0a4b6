"""The plan of a flash: what is copied, kept, set aside and removed, decided without a board."""

from __future__ import annotations

from darvaz.boards.flashing.firmware_files import digest
from darvaz.boards.flashing.plan import Found, make_plan

SOURCE = {"/lib/darvaz/link.py": b"# link\n", "/main.py": b"import darvaz\n"}
COMPILED = {"/lib/darvaz/link.mpy": b"M\x06link", "/main.py": b"import darvaz\n"}


def board_with(files: dict[str, bytes], owned: dict[str, bytes] | None = None) -> Found:
    """Returns a board that has these files, of which we wrote the owned ones."""
    return Found(
        {path: len(data) for path, data in files.items()},
        {path: digest(data) for path, data in files.items()},
        {path: [digest(data)] for path, data in (owned or {}).items()},
    )


def test_compiled_modules_replace_the_source_of_an_earlier_flash() -> None:
    plan = make_plan(COMPILED, board_with(SOURCE, SOURCE))

    assert list(plan.copy) == ["/lib/darvaz/link.mpy"]
    assert plan.remove == ["/lib/darvaz/link.py"]


def test_source_replaces_the_compiled_modules() -> None:
    plan = make_plan(SOURCE, board_with(COMPILED, COMPILED))

    assert list(plan.copy) == ["/lib/darvaz/link.py"]
    assert plan.remove == ["/lib/darvaz/link.mpy"]


def test_source_that_nobody_lists_cannot_stay_before_a_compiled_module() -> None:
    there = {**COMPILED, "/lib/darvaz/link.py": b"# copied by hand\n", "/lib/darvaz/mine.py": b"#\n"}

    plan = make_plan(COMPILED, board_with(there, COMPILED))

    assert plan.copy == {}
    assert plan.remove == ["/lib/darvaz/link.py"]
