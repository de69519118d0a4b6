"""The beginning of a rollout, in small steps: one to thousands of boards takes longer than the event loop may stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from darvaz.gateway.releases.rollout import Rollout, Target, TargetState, order
from darvaz.gateway.releases.store import ReleaseStore

# Boards that are kept at once.
_PART = 100


def prepare(
    store: ReleaseStore,
    rollout: Rollout,
    devices: Collection[str],
    here: Collection[str],
    change: Callable[[Rollout, Target, TargetState], None],
    settled: dict[str, int],
) -> Iterator[None]:
    """Gives a rollout that is not listed yet its boards, and has `change` supersede what they wait for.

    `settled` gets the counters of updates on trial, which are good enough for the next one.
    """
    ordered = order(devices, here)
    yield
    for older in list(store.rollouts.values()):
        for device in ordered if older.state != "done" and older.number < rollout.number else ():
            target = older.targets.get(device)
            if target and is_superseded(older, target):
                if target.state == "trial":
                    settled[device] = target.counter
                change(older, target, "superseded")
            yield
    for first in range(0, len(ordered), _PART):
        store.add_targets(rollout, ordered[first : first + _PART])
        yield


def supersede_by_newer(
    store: ReleaseStore, rollout: Rollout, change: Callable[[Rollout, Target, TargetState], None]
) -> None:
    """Supersedes boards of a rollout that one with a higher number was listed for while this one was prepared."""
    for newer in [found for found in store.rollouts.values() if found.number > rollout.number]:
        for device in newer.targets:
            target = rollout.targets.get(device)
            if target and target.state == "waiting":
                change(rollout, target, "superseded")


def is_superseded(rollout: Rollout, target: Target) -> bool:
    """Whether a board of a rollout does not need it any more, now that it gets a newer release."""
    # What runs once is never found good.
    return target.state == "waiting" or (rollout.plan.once and target.state == "trial")
