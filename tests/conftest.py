"""How the tests are spread over processes: more of them than cores, and the slow tests first."""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the slow tests to the front: a slow test that starts last is waited for by every other process."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
