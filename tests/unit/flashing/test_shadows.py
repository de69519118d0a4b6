"""Files that MicroPython finds before ours are named."""

from __future__ import annotations

import pytest

from darvaz.boards.flashing.shadows import library_in_the_way, modules_in_the_way


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["/lib/darvaz/device.mpy", "/main.py"], None),
        (["/darvaz/__init__.py", "/darvaz/device.py"], "/darvaz"),
        (["/darvaz/__init__.mpy"], "/darvaz"),
        (["/darvaz.py"], "/darvaz.py"),
        (["/darvaz/notes.txt"], None),
    ],
)
def test_another_copy_of_the_library_in_the_root_is_found(paths: list[str], found: str | None) -> None:
    assert library_in_the_way(paths) == found


def test_only_what_the_library_imports_is_in_the_way() -> None:
    paths = ["/asyncio.py", "/json/__init__.py", "/lib/json.py", "/servo.py", "/time.mpy"]

    assert modules_in_the_way(paths) == ["/asyncio.py", "/json/__init__.py", "/time.mpy"]
