"""File descriptors: as many connections as the settings allow, as far as this machine does."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("darvaz")

# The database, the journal, the listener, and what Python itself holds.
OWN_MAX = 256
# Fewer files than that may be too few for a household.
_WORTH_SAYING = 2_048


def allow(connections_max: int) -> None:
    """Raises this process's soft limit of open files to what so many connections need, if the hard one lets it."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + OWN_MAX
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    reached = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reached, hard))
    except (OSError, ValueError):
        reached = soft
    if reached < wanted:
        level = logging.INFO if reached < _WORTH_SAYING else logging.DEBUG
        log.log(level, "= this user may have %d open files: about %d connections at most", reached, reached - OWN_MAX)
