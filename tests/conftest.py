"""How the tests are spread over processes: more of them than cores, the slow tests first, a group in one process."""

from __future__ import annotations

import os

import pytest

# Most of a test's time is spent waiting for a gateway, a board or a browser.
WORKERS_PER_CORE = 2
WORKERS_MAX = 16


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns the number of processes of `-n auto`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(WORKERS_PER_CORE * cores, WORKERS_MAX)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Moves the slow tests to the front: a slow test that starts last is waited for by every other process."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if getattr(config.option, "loadgroup", False):
        for item in items:
            _name_group(item)


def _name_group(item: pytest.Item) -> None:
    """Adds its group to a test's id, where pytest-xdist reads it: with pytest 9.2, its release 3.8 does not add it."""
    group = item.get_closest_marker("xdist_group")
    identity = getattr(item, "_id", None)
    if group is not None and identity is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
        item._id = type(identity).parse(f"{item.nodeid}@{group.args[0]}")
