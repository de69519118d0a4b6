"""Which newer release there is for one board: of the program that it runs, or last got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from darvaz.gateway.releases.rollout import UNDER_WAY, Rollout, Target
from darvaz.gateway.releases.store import ProgramRelease, ReleaseStore

# What runs where no release does, by the state of the program.
_WITHOUT_RELEASE = {"flashed": "flashed", "safe_mode": "safe mode"}


@dataclass(frozen=True, slots=True)
class Offer:
    """The newest release of a board's program beside what the board runs."""

    release: ProgramRelease
    installed: str
    """The number of the release that runs, or a word for what runs instead."""
    note: str
    """Why the newest one is not on the board, if it was there or refused; "" otherwise."""
    is_under_way: bool
    """Whether the board receives a release now, waits for nothing else, or has one on trial."""

    @property
    def newest(self) -> str:
        """Returns the number of the newest release, as text."""
        return str(self.release.number)


def offer_of(store: ReleaseStore, device: str, program: dict[str, Any] | None, now_s: float) -> Offer | None:
    """Returns what there is for a board, or None: it takes no updates, or never got a release.

    `program` is what it said about its program; None while it is away.
    """
    if not program or not program.get("has_key"):
        return None
    number, found = program.get("release", ""), _targets_of(store, device)
    running = store.releases.get(int(number)) if number.isdecimal() else None
    names = [] if running is None else [running.name]
    names += [release.name for rollout, _ in found if (release := store.releases.get(rollout.release))]
    newest = _newest(store, names[0]) if names else None
    if newest is None:
        return None
    failed = [target for rollout, target in found if rollout.release == newest.number and target.reason]
    is_running = newest is running
    return Offer(
        release=newest,
        installed=number or _WITHOUT_RELEASE.get(program["state"], "another program"),
        note="" if is_running or not failed else f"{failed[0].state.replace('_', ' ')}: {failed[0].reason}",
        is_under_way=any(_is_under_way(rollout, target, now_s) for rollout, target in found),
    )


def _targets_of(store: ReleaseStore, device: str) -> list[tuple[Rollout, Target]]:
    """Returns the rollouts that a board is in, the newest first."""
    numbers = sorted(store.rollouts, reverse=True)
    found = [(store.rollouts[number], store.rollouts[number].targets.get(device)) for number in numbers]
    return [(rollout, target) for rollout, target in found if target is not None]


def _newest(store: ReleaseStore, name: str) -> ProgramRelease | None:
    """Returns the newest release of a program; what was only tried until the next start of a board is none."""
    tried = {rollout.release for rollout in store.rollouts.values() if rollout.plan.once}
    kept = {rollout.release for rollout in store.rollouts.values() if not rollout.plan.once}
    numbers = [number for number, release in store.releases.items() if release.name == name]
    return max((store.releases[number] for number in numbers if number not in tried - kept),
               key=lambda release: release.number, default=None)  # fmt: skip


def _is_under_way(rollout: Rollout, target: Target, now_s: float) -> bool:
    if rollout.plan.once and target.state == "trial":
        # It is never found good.
        return False
    return target.state in UNDER_WAY or (target.state == "waiting" and target in rollout.waiting(now_s))
