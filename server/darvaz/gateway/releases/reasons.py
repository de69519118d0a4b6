"""Why a board does not run a release, in words: what the gateway finds, and what the loader of the board says."""

from __future__ import annotations

import re
from typing import Any

from darvaz.gateway.releases.rollout import TargetState

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


def verdict(program: dict[str, Any], counter: int, conflict: str, *, is_once: bool) -> tuple[TargetState, str] | None:
    """Returns the state of a board, and why, whose update with a counter was on trial as it came back with a program.

    None where it is on trial still.
    """
    is_left_out = program.get("counter") == counter and program.get("state") == "safe_mode"
    if program.get("failed") == counter or is_left_out:
        reason = program.get("reason") or "it did not become good"
        return ("ended", "") if is_once and was_restarted(reason) else ("fell_back", reason)
    if conflict:
        return "refused", conflict
    if program.get("counter") != counter:
        # The board was flashed meanwhile, or its commit did not reach the flash.
        return "waiting", ""
    return ("good", "") if program.get("state") == "good" else None
