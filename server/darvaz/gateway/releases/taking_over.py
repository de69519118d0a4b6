"""Rollouts that another gateway carried out until now: what was under way goes on here, a step for each board."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from darvaz.gateway.releases.rollout import Rollout, Target

if TYPE_CHECKING:
    from darvaz.gateway.releases.updater import Updater


def resume_all(updater: Updater) -> Iterator[None]:
    """Goes on with all rollouts while this gateway leads."""
    for rollout in [rollout for rollout in updater.store.rollouts.values() if rollout.state != "done"]:
        for target in list(rollout.targets.values()):
            if not updater.coordination.is_leading:
                return
            updater.links.find(target.device)
            resume(updater, rollout, target)
            if target.state == "trial" and updater.hub.program_of(target.device) is not None:
                updater.look_at(target.device)
            yield
    updater.wake()


def resume(updater: Updater, rollout: Rollout, target: Target) -> None:
    """Has a board that another gateway was sending to get the same update from this one."""
    if target.state == "transferring" and not updater.is_sending_to(target.device):
        target.state = "waiting"
        updater.store.keep_target(rollout, target)
