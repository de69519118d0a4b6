"""Which boards get a release when, without I/O: waves, a stop at the first failure, and boards that are away.

A rollout goes through its steps: first a few boards, then shares of all. A step is done once a board of it is good,
none of it is under way, and the hold is over. Boards that are away do not hold it up: they get the release when they
come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

TargetState = Literal["waiting", "transferring", "trial", "good", "ended", "fell_back", "refused", "superseded"]
RolloutState = Literal["running", "paused", "stopped", "done"]
UNDER_WAY = ("transferring", "trial")
FAILED = ("fell_back", "refused")
OVER = ("good", "ended", "fell_back", "refused", "superseded")
# A release that is to run once ends at the next start of the board, and has not failed.
DONE_WELL = ("good", "ended")


class UpdateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings allow to updates."""

    at_once: int = 10
    """Boards that receive at the same time, of all rollouts."""
    tries_max: int = 3
    """Tries of one board, after which it is left alone."""
    retry_s: float = 20.0
    """Before a board that refused is tried again; twice as long before each further try."""
    stop_percent: float = 0.0
    """For rollouts that do not say it."""


class RolloutPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a rollout goes on: boards of the first step, shares of the next ones, and seconds between two steps."""

    canary: int = 0
    then_percent: tuple[float, ...] = (100.0,)
    hold_s: float = 0.0
    stop_percent: float = 0.0
    """The share of boards that may fail; 0 stops at the first."""
    forgiven: int = 0
    """Boards that had fallen back when somebody resumed the rollout: they do not stop it again."""
    signature: str = ""
    """Of the boards' owner, in hexadecimal digits, and when it was made, in Unix seconds."""
    signed_s: int = 0
    source: bool = False
    """Whether modules travel as they are, and are not compiled for each board."""
    once: bool = False
    """Whether boards run it until their next start only, and then the program before."""


@dataclass(slots=True)
class Target:
    """One board of a rollout."""

    device: str
    state: TargetState = "waiting"
    counter: int = 0
    """Of the update that was last offered to it; 0: none was."""
    tries: int = 0
    reason: str = ""
    changed_s: float = 0.0
    """Unix seconds."""


@dataclass(slots=True)
class Rollout:
    """One release on its way to boards; `targets` are in the order in which they get it."""

    number: int
    release: int
    plan: RolloutPlan
    created_s: float
    author: str = ""
    state: RolloutState = "running"
    reason: str = ""
    targets: dict[str, Target] = field(default_factory=dict)
    _open: Target | None = field(default=None, init=False, repr=False, compare=False)
    """One that was not over when all were last looked at."""

    @property
    def counts(self) -> dict[str, int]:
        """Returns how many boards are in each state."""
        counts: dict[str, int] = {}
        for target in self.targets.values():
            counts[target.state] = counts.get(target.state, 0) + 1
        return counts

    def conclude(self, changed: Target | None = None) -> None:
        """Stops the rollout where too many boards failed, and ends it where all are over.

        It was concluded before if only the state of one board has changed since, which may be one of thousands.
        """
        if self.state == "running" and (changed is None or changed.state == "fell_back"):
            failed = [target for target in self.targets.values() if target.state == "fell_back"]
            if (len(failed) - self.plan.forgiven) * 100 > self.plan.stop_percent * len(self.targets):
                self.state = "stopped"
                self.reason = f"{failed[-1].device} fell back: {failed[-1].reason}"[:1000]
        if self.state in ("running", "paused") and self._are_all_over():
            self.state = "done"

    def _are_all_over(self) -> bool:
        # A board that is not over yet is looked at first the next time: most are over from the first to the last.
        if self._open is None or self._open.state in OVER or self.targets.get(self._open.device) is not self._open:
            last_first = reversed(self.targets.values())
            self._open = next((target for target in last_first if target.state not in OVER), None)
        return self._open is None

    def resume(self) -> None:
        """Goes on, also where it stopped by itself: those that fell back until now are left alone."""
        if self.state == "stopped":
            self.plan = msgspec.structs.replace(self.plan, forgiven=self.counts.get("fell_back", 0))
        self.state, self.reason = "running", ""

    def waiting(self, now_s: float) -> list[Target]:
        """Returns the boards that may get the release now, once they are here."""
        if self.state != "running":
            return []
        return [target for target in self._wave(now_s) if target.state == "waiting"]

    def _wave(self, now_s: float) -> list[Target]:
        """Returns the boards of all steps that have begun."""
        targets = list(self.targets.values())
        for size in self._sizes():
            wave = targets[:size]
            if size >= len(targets) or not self._is_done(wave, now_s):
                return wave
        return targets

    def _sizes(self) -> list[int]:
        shares = [math.ceil(len(self.targets) * percent / 100) for percent in self.plan.then_percent]
        return [size for size in (self.plan.canary, *shares) if size > 0]

    def _is_done(self, wave: list[Target], now_s: float) -> bool:
        good = [target.changed_s for target in wave if target.state in DONE_WELL]
        is_quiet = not any(target.state in UNDER_WAY for target in wave)
        is_known = bool(good) or self.plan.forgiven > 0
        return is_known and is_quiet and now_s - max(good, default=0.0) >= self.plan.hold_s

    def due_s(self, now_s: float) -> float | None:
        """Returns in how many seconds a hold is over, or None if none is."""
        goods = [target.changed_s for target in self.targets.values() if target.state in DONE_WELL]
        if self.state != "running" or not goods or not self.plan.hold_s:
            return None
        left_s = max(goods) + self.plan.hold_s - now_s
        return left_s if left_s > 0 else None


def on_trial(rollouts: Iterable[Rollout], program_of: Callable[[str], dict[str, Any] | None]) -> list[str]:
    """Returns the boards whose update is on trial, or that wait for the end of another trial."""
    found: dict[str, None] = {}
    for rollout in [rollout for rollout in rollouts if rollout.state != "done"]:
        for target in rollout.targets.values():
            is_waiting = target.state == "waiting" and (program_of(target.device) or {}).get("state") == "trial"
            if target.state == "trial" or is_waiting:
                found[target.device] = None
    return list(found)


def order(devices: Collection[str], online: Collection[str]) -> list[str]:
    """Returns boards in the order of a rollout: those that are here first, so that the first step has some."""
    return sorted(devices, key=lambda device: (device not in online, device))
