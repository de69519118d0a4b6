"""Why a board does not run a release, in words: what the gateway finds, and what the loader of the board says."""

from __future__ import annotations

import re

NO_LOADER = "this board cannot take updates: run `darvaz flash` once, with the board on USB"
NO_KEY = "this board has no key for updates: run `darvaz flash` once, with the board on USB"
_CHARS_MAX = 1000
# The line of a traceback that is the loader itself.
_OWN_FRAME = re.compile(r'^  File "/lib/darvaz_loader\.m?py", line \d+, in run\n', re.MULTILINE)
# What the loader says of a release that neither failed nor was found good: the board was restarted.
_RESTARTED = re.compile(r"it was not found good in \d+ starts")


def shown(reason: str) -> str:
    """Returns a reason as people see it."""
    return _OWN_FRAME.sub("", reason).strip()[:_CHARS_MAX]


def was_restarted(reason: str) -> bool:
    """Whether a release ended because the board started again, and did not fail."""
    return _RESTARTED.fullmatch(reason) is not None
