"""Rollouts that another gateway carried out until now: what was under way goes on here, a step for each board."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.releases.coordination import Coordination
from darvaz.gateway.releases.links import Links
from darvaz.gateway.releases.rollout import Rollout, Target
from darvaz.gateway.releases.store import ReleaseStore


class Successor(Protocol):
    """What carries rollouts out here."""

    store: ReleaseStore
    hub: Hub
    links: Links
    coordination: Coordination

    def is_sending_to(self, device: str) -> bool: ...

    def look_at(self, device: str) -> None: ...

    def conclude(self, rollout: Rollout) -> None: ...

    def wake(self) -> None: ...


def resume_all(updater: Successor) -> Iterator[None]:
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
        # The other gateway may have ended between a board that fell back and the stop for it.
        updater.conclude(rollout)
    updater.wake()


def resume(updater: Successor, rollout: Rollout, target: Target) -> None:
    """Has a board that another gateway was sending to get the same update from this one."""
    if target.state == "transferring" and not updater.is_sending_to(target.device):
        target.state = "waiting"
        updater.store.keep_target(rollout, target)
