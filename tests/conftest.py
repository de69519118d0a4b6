"""How tests run: in more processes than cores, the slow tests first, a group in one process, folders in memory."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.forked_workers import SHORT, ForkedWorkers

if TYPE_CHECKING:
    from xdist.scheduler import LoadGroupScheduling

# Short tests wait a little, the others most of their time: for a gateway, a board or a browser.
SHORT_WORKERS_PER_CORE = 2
WORKERS_PER_CORE = 3
WORKERS_MAX = 16
MEMORY = Path("/dev/shm")
# What the largest run keeps in its folders, several times.
MEMORY_FREE_BYTES_MIN = 4 * 1024**3
# A file of others that share a gateway is given to one process, if it has no more tests: each process starts its own.
SHARING_TESTS_MAX = 12


def _use_memory_for_folders() -> None:
    """Puts temporary folders in memory, where that is large enough and programs may run: half of a disk's waits.

    What a test says about a disk, it says with one of its own: see tests/support/disks.py. TMPDIR chooses otherwise.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return
    found = os.statvfs(MEMORY)
    if found.f_bavail * found.f_frsize >= MEMORY_FREE_BYTES_MIN and not found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _keep_state_apart() -> None:
    """Gives each process a folder for the state of programs: a verb finds the gateways of its own tests only."""
    folder = tempfile.TemporaryDirectory(prefix="darvaz-test-state-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    os.environ["XDG_STATE_HOME"] = folder.name


def _heed_ctrl_c() -> None:
    """Lets Ctrl-C end the programs that tests start: a shell makes what runs in its background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_use_memory_for_folders()
_heed_ctrl_c()


# What is imported and collected stays until the end: looking for garbage in it takes a quarter of the collection.
gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Looks for garbage from here on, but not in what was collected."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    _keep_state_apart()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns the number of processes of `-n auto`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    are_short = all(f"{path}/".startswith(SHORT) for path in config.args)
    return min((SHORT_WORKERS_PER_CORE if are_short else WORKERS_PER_CORE) * cores, WORKERS_MAX)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Makes the processes forks of one that has collected the tests, where processes can be forked."""
    if hasattr(os, "pidfd_open") and all(spec.popen for spec in specs) and Path.cwd() == config.rootpath:
        config.pluginmanager.register(ForkedWorkers(config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadGroupScheduling | None:
    """Returns what gives the tests to the processes: a group, a file of short tests, or one long test at a time.

    A message for each short test would cost as much as the test. A third of the processes begin at the other end, with
    short tests, so that not all of the slow ones compute at the same time.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class Scheduling(LoadGroupScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            group = super()._split_scope(nodeid)
            return nodeid.split("::", 1)[0] if group == nodeid and nodeid.startswith(SHORT) else group

        def _assign_work_unit(self, node: Any) -> None:
            if self.nodes.index(node) % 3 == 2:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            super()._assign_work_unit(node)

    # In the order of the collection.
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Moves the slow tests to the front: a slow test that starts last is waited for by every other process.

    Those that may take longest are first; of the short ones, files with many tests.
    """
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: _order_key(item, sizes[item.path]))
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if sizes[item.path] <= SHARING_TESTS_MAX and _shares_a_gateway(item):
                item.add_marker(pytest.mark.xdist_group(item.path.stem))
            _name_group(item)


def _order_key(item: pytest.Item, size: int) -> tuple[bool, bool, float]:
    """Returns what a test is sorted by; `size` is the number of tests in its file."""
    short = item.nodeid.startswith(SHORT)
    if item.get_closest_marker("slow") is None:
        return True, short, -size if short else 0
    limit = item.get_closest_marker("timeout")
    return False, short, -float(limit.args[0]) if limit else 0


def _shares_a_gateway(item: pytest.Item) -> bool:
    """Whether a test uses the gateway of its file, and is in no group."""
    if item.nodeid.startswith(SHORT) or item.get_closest_marker("slow") or item.get_closest_marker("xdist_group"):
        return False
    return "gateway" in getattr(item, "fixturenames", ())


def _name_group(item: pytest.Item) -> None:
    """Adds its group to a test's id, where pytest-xdist reads it: with pytest 9.2, its release 3.8 does not add it."""
    group = item.get_closest_marker("xdist_group")
    identity = getattr(item, "_id", None)
    if group is not None and identity is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
        item._id = type(identity).parse(f"{item.nodeid}@{group.args[0]}")
