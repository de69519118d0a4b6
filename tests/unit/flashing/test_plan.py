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


PROGRAM = {"/servo.py": b"# ours\n", "/config.json": b"{}", "/main.py": b"import darvaz\n"}


def test_files_that_a_main_of_the_maker_may_import_stay_with_it() -> None:
    theirs = {"/main.py": b"import servo, darvaz\n", "/servo.py": b"# theirs\n"}

    plan = make_plan(PROGRAM, board_with(theirs), merged=["/config.json"])

    assert (plan.keeps_main, plan.left, plan.set_aside) == (True, ["/servo.py"], {})
    assert list(plan.copy) == ["/config.json"]
    assert "/servo.py" not in plan.owned


def test_files_of_the_maker_in_our_places_are_set_aside_where_main_is_ours() -> None:
    plan = make_plan(PROGRAM, board_with({"/servo.py": b"# theirs\n"}), merged=["/config.json"])

    assert (plan.left, plan.set_aside) == ([], {"/servo.py": "/servo.py.kept-1"})


def test_our_own_older_file_is_replaced_though_main_is_kept() -> None:
    there = {"/main.py": b"import servo, darvaz\n", "/servo.py": b"# ours, older\n"}

    plan = make_plan(PROGRAM, board_with(there, {"/servo.py": b"# ours, older\n"}), merged=["/config.json"])

    assert plan.left == [] and "/servo.py" in plan.copy
