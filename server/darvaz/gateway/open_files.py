"""The limit of open files: enough for all connections that the settings allow, as far as the system lets it."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("darvaz")

# The databases, the listener, and what Python itself keeps open.
OWN_FILES_MAX = 256
# Below this, the log says it at level info: it may be too few for a household.
_FILES_FEW = 2_048


def raise_open_file_limit(connections_max: int) -> int | None:
    """Raises the soft limit of open files of this process to what the connections need, up to the hard limit.

    Returns the limit, or None where there is none.
    """
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + OWN_FILES_MAX
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None if soft == resource.RLIM_INFINITY else soft
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (OSError, ValueError):
        limit = soft
    if limit < wanted:
        level = logging.INFO if limit < _FILES_FEW else logging.DEBUG
        log.log(level, "= limit of open files is %d: about %d connections at most", limit, limit - OWN_FILES_MAX)
    return limit
