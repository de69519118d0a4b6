"""Carries out what people ask of the gateway that leads: releases, rollouts, their states, and keys of boards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.releases.beginning import prepare, supersede_by_newer
from darvaz.gateway.releases.coordination import Coordination
from darvaz.gateway.releases.offers import Offer
from darvaz.gateway.releases.orders import AddRelease, Deploy, Install, MakeKey, Order, OrderError, SetState
from darvaz.gateway.releases.rollout import Rollout, RolloutPlan, Target, TargetState
from darvaz.gateway.releases.store import ReleaseStore


class Carrier(Protocol):
    """What carries rollouts out, as an `Updater` does."""

    store: ReleaseStore
    hub: Hub
    journal: Journal
    unix_s: Callable[[], float]
    long_work: LongWork
    coordination: Coordination
    settled: dict[str, int]

    def offer(self, device: str) -> Offer | None:
        """Returns which release there is for a board."""

    def change(self, rollout: Rollout, target: Target, state: TargetState, reason: str = "") -> None:
        """Gives a board of a rollout another state."""

    def tell(self, rollout: Rollout, text: str) -> None:
        """Has everybody know what became of a rollout."""

    def call_listeners(self, rollout: Rollout | None, target: Target | None) -> None:
        """Has everybody here know of a change."""

    def wake(self) -> None:
        """Has what is due looked for."""


class Ordered:
    """Does what was ordered from an updater. Used from the event loop only."""

    def __init__(self, updater: Carrier) -> None:
        self._updater = updater
        self._deploying = asyncio.Lock()  # Boards get the releases of several rollouts in the order of their numbers.

    async def carry_out(self, order: Order) -> int:
        """Does what people ask of the gateway that leads; returns the number of what is new, else 0."""
        match order:
            case AddRelease():
                added = self._updater.store.add_release(
                    order.name, order.author, order.files, self._updater.unix_s(), order.micropython
                )
                self._updater.call_listeners(None, None)
                return added.number
            case Deploy():
                return (await self._deploy(order)).number
            case SetState():
                self._set_state(order)
            case Install():
                return self._install(order)
            case MakeKey():
                self._updater.store.make_key(order.device)
        return 0

    async def _deploy(self, order: Deploy) -> Rollout:
        """Begins a rollout; boards that wait for an older one wait for this one."""
        async with self._deploying:
            if order.release not in self._updater.store.releases:
                raise OrderError(f"there is no release {order.release} any more")
            rollout = self._updater.store.new_rollout(order.release, order.plan, order.author, self._updater.unix_s())
            await self._updater.long_work.collect(self._prepare(rollout, order.devices))
            # Nobody else takes a rollout for one before all of its boards are known there.
            await self._updater.coordination.keep_all()
            return self._begin(rollout)

    def _prepare(self, rollout: Rollout, devices: list[str]) -> Iterator[None]:
        here = {device for device in devices if self._updater.hub.program_of(device) is not None}
        return prepare(self._updater.store, rollout, devices, here, self._updater.change, self._updater.settled)

    def _begin(self, rollout: Rollout) -> Rollout:
        self._updater.store.list_rollout(rollout)
        supersede_by_newer(self._updater.store, rollout, self._updater.change)
        self._updater.tell(rollout, "begins")
        self._updater.wake()
        return rollout

    def _set_state(self, order: SetState) -> None:
        """Pauses, resumes or stops a rollout; what is under way on a board comes to its end."""
        rollout = self._updater.store.rollouts.get(order.rollout)
        if rollout is None or rollout.state == "done" or (rollout.state == "stopped" and order.state != "running"):
            raise OrderError(f"rollout {order.rollout} has ended meanwhile; begin another one")
        if order.state == "running":
            rollout.resume()
        else:
            rollout.state, rollout.reason = order.state, ""  # type: ignore[assignment]
        self._updater.store.keep_rollout(rollout)
        self._updater.tell(rollout, order.state)
        self._updater.wake()

    def _install(self, order: Install) -> int:
        offer = self._updater.offer(order.device)
        if offer is None or offer.is_under_way:
            raise OrderError("the board gets a release already, or has none to get")
        self._updater.journal.record(
            order.device, None, order.author, "=", "update requested", f"release {offer.newest}"
        )
        rollout = self._updater.store.new_rollout(
            offer.release.number, RolloutPlan(), order.author, self._updater.unix_s()
        )
        list(self._prepare(rollout, [order.device]))
        return self._begin(rollout).number
