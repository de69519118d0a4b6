"""Where the picture of a failure goes: a project that cannot be written does not end the run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from darvaz.pytest_plugin.plugin import _picture_path

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def only_our_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """All others that are installed take a second to import."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def picture_path(pytester: pytest.Pytester, *words: str) -> str:
    config = pytester.parseconfigure("-p", "darvaz.pytest_plugin.plugin", *words)
    item: Any = SimpleNamespace(nodeid="test_it.py::test_it[1]", config=config)
    return _picture_path(item).relative_to(pytester.path).as_posix()


def test_a_picture_goes_into_the_cache_of_the_project(pytester: pytest.Pytester) -> None:
    assert picture_path(pytester).startswith(".pytest_cache/d/")


def test_a_project_that_cannot_be_written_still_gives_a_path(pytester: pytest.Pytester) -> None:
    # A folder without the right to write would not stop root; a file in the place of a folder does.
    (pytester.path / "occupied").write_text("")

    path = picture_path(pytester, "-o", "cache_dir=occupied/cache")

    assert path.endswith("test_it.py-test_it[1].jpg")
    assert not path.startswith("occupied")
