"""Carries rollouts out: sends releases to boards that are here, and notes what becomes of them.

One task looks what is due, whenever something happened; a transfer is a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.long_work import LongWork, WorkQueue
from darvaz.gateway.releases.asking import Asking, AwayError
from darvaz.gateway.releases.board_form import BoardForms
from darvaz.gateway.releases.conflicts import find_conflict, with_remedy
from darvaz.gateway.releases.coordination import Alone, Coordination
from darvaz.gateway.releases.links import Links
from darvaz.gateway.releases.offers import Offer, offer_of
from darvaz.gateway.releases.ordered import Ordered
from darvaz.gateway.releases.orders import Install, Order, OrderError
from darvaz.gateway.releases.reasons import NO_KEY, NO_LOADER, shown, verdict
from darvaz.gateway.releases.rollout import Rollout, Target, TargetState, UpdateLimits, on_trial
from darvaz.gateway.releases.store import ReleaseStore
from darvaz.gateway.releases.taking_over import resume, resume_all
from darvaz.gateway.releases.transfer import Transfer, TransferError
from darvaz.protocol.codec import Message, MessageCodec

log = logging.getLogger("darvaz.releases")

AGAIN_S = 1.0  # After a link that ended in the middle.


class Updater:
    """Runs rollouts; made once, opened and closed with the application."""

    def __init__(
        self,
        store: ReleaseStore,
        hub: Hub,
        bus: EventBus,
        journal: Journal,
        protocol: MessageCodec,
        unix_s: Callable[[], float],
        limits: UpdateLimits | None = None,
    ) -> None:
        self.store = store
        self.limits = limits or UpdateLimits()
        self._forms = BoardForms(store)
        self.hub = hub
        self._bus = bus
        self.journal = journal
        self.unix_s = unix_s
        self.long_work = LongWork()
        self.asking = Asking(hub, protocol)
        self.ordered = Ordered(self)
        self.coordination: Coordination = Alone(self.ordered.carry_out)
        self.links = Links(hub, self.asking)
        self._orders: set[asyncio.Task[int]] = set()
        self._transfers: dict[str, asyncio.Task[None]] = {}
        self._sent: dict[str, Transfer] = {}  # What those tasks send, by device.
        self._least: dict[str, int] = {}  # The counter that a board named as it refused an update.
        self._not_before: dict[str, float] = {}  # Monotonic seconds before which a board is not tried again.
        self.settled: dict[str, int] = {}  # The counter of the update that a board found good since it connected.
        self._resuming = WorkQueue()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.listeners: list[Callable[[Rollout | None, Target | None], None]] = []
        """Are called with a rollout that changed, and the board whose state did; with None twice for a new release."""

    # Its life

    def open(self) -> None:
        """Begins; what was under way when the gateway ended goes on."""
        self.store.delete_unused_files()
        self._bus.subscribe_everywhere(["update_state"], self._receive)
        self.hub.on_presence(self._on_presence)
        self._bus.subscribe_devices(self._on_device, lambda device: None)
        if self.coordination.is_leading:
            self.lead()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends transfers; boards keep what they have of them."""
        tasks = [task for task in (self._task, *self._orders, *self._transfers.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def lead(self) -> None:
        """Carries rollouts out from now on; what was under way goes on, here or at another gateway."""
        self._not_before.clear()
        self._resuming.add(resume_all(self))
        self.wake()

    def is_sending_to(self, device: str) -> bool:
        """Returns whether this gateway sends a release to a board."""
        return device in self._transfers

    def take_over(self, rollout: Rollout, target: Target | None) -> None:
        """Takes what another gateway has written of a rollout, or of a board of it."""
        self.call_listeners(rollout, target)
        if target is not None and self.coordination.is_leading:
            resume(self, rollout, target)
            self.conclude(rollout, target)

    def wake(self) -> None:
        """Has what is due looked for."""
        self._wake.set()

    def follow(self) -> None:
        """Leaves rollouts to another gateway from now on."""
        for task in self._transfers.values():
            task.cancel()

    # What people ask for

    def offer(self, device: str) -> Offer | None:
        """Returns which release there is for a board, beside what it runs; None if there is none, or it is away."""
        return offer_of(self.store, device, self.hub.program_of(device), self.unix_s())

    def install_newest(self, device: str, author: str) -> bool:
        """Gives a board the newest release of its program; returns False if there is none, or it gets one already."""
        offer = self.offer(device)
        if offer is None or offer.is_under_way:
            return False
        task = asyncio.get_running_loop().create_task(self._order(Install(device, author)))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)
        return True

    async def _order(self, order: Order) -> int:
        try:
            return await self.coordination.order(order)
        except OrderError as error:
            log.warning("= %s", error)
            return 0

    def percent(self, device: str) -> float | None:
        """Returns how much of a release a board has received; None if it receives none."""
        transfer = self._sent.get(device)
        return None if transfer is None else transfer.percent

    # What happens

    def _on_presence(self, device: str, is_connected: bool) -> None:
        self.links.lose(device)
        if is_connected:
            self.look_at(device)
        if self.store.running:
            self.wake()

    def _on_device(self, device: str) -> None:
        """Looks whether a board has come to another gateway, or left one."""
        if self.links.has_changed(device):
            if self.hub.program_of(device) is not None:
                self.look_at(device)
            self.wake()

    def look_at(self, device: str) -> None:
        """Compares what a board that came says about its program with what is known."""
        program = self.hub.program_of(device) or {}
        if not self.coordination.is_leading or not (program or self.store.rollouts):
            return
        conflict = find_conflict(self.store, self.journal, device, self.hub.kind_of(device), program)
        for rollout, target in self._targets_of(device, "trial"):
            found = verdict(program, target.counter, conflict, is_once=rollout.plan.once)
            if found is not None:
                self.change(rollout, target, *found)

    def _receive(self, type_: str, device: str | None, message: Message, happened_s: float) -> None:
        answer = msgspec.to_builtins(message)
        if not self.asking.receive(device or "", answer) and answer.get("state") == "good":
            self.note_good(device or "", answer.get("counter", 0))

    def note_good(self, device: str, counter: int) -> None:
        """Takes that a board, here or elsewhere, found the update with this counter good."""
        self.settled[device] = counter
        self.hub.note_program(device, "good")
        self._bus.publish_presence(device)
        if self.coordination.is_leading:
            for rollout, target in self._targets_of(device, "trial"):
                if target.counter == counter:
                    self.change(rollout, target, "good")
            self.wake()

    def on_trial(self) -> list[str]:
        """Returns the boards of rollouts that may have found a program good since it was last heard of."""
        return on_trial(self.store.rollouts.values(), self.hub.program_of)

    def _targets_of(self, device: str, state: TargetState) -> list[tuple[Rollout, Target]]:
        found = [(rollout, rollout.targets.get(device)) for rollout in self.store.rollouts.values()]
        return [(rollout, target) for rollout, target in found if target is not None and target.state == state]

    def change(self, rollout: Rollout, target: Target, state: TargetState, reason: str = "") -> None:
        target.state, target.reason = state, shown(reason)
        target.changed_s = self.unix_s()
        self.store.keep_target(rollout, target)
        text = f"release {rollout.release}, rollout {rollout.number}: {state} {target.reason}".rstrip()
        self.journal.record(target.device, self.hub.kind_of(target.device), "", "=", "update", text)
        log.info("= %s %s", target.device, text)
        self.call_listeners(rollout, target)
        self.conclude(rollout, target)

    def conclude(self, rollout: Rollout, changed: Target | None = None) -> None:
        """Stops or ends a rollout if that is due: after a change of one board, or whatever has changed."""
        before = rollout.state
        rollout.conclude(changed)
        if rollout.state != before:
            self.store.keep_rollout(rollout)
            self.tell(rollout, f"{rollout.state} {rollout.reason}".rstrip())

    def tell(self, rollout: Rollout, text: str) -> None:
        line = f"rollout {rollout.number} of release {rollout.release}: {text}"
        self.journal.record(None, None, "", "=", "rollout", line)
        log.info("= %s", line)
        self.call_listeners(rollout, None)

    def call_listeners(self, rollout: Rollout | None, target: Target | None) -> None:
        """Has everybody here know of a change."""
        if rollout is not None:
            changed = target or rollout
            change: dict[str, Any] = {"rollout": rollout.number, "release": rollout.release}
            change |= {"state": changed.state, "reason": changed.reason}
            self._bus.publish_rollout(target.device if target is not None else None, change)
        for listener in list(self.listeners):
            listener(rollout, target)

    # What is due

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            wait_s = min(await self.long_work.collect(self._start_due()), default=math.inf)
            # Else a hold is over, or a board may be tried again.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if wait_s == math.inf else wait_s + 0.01):
                    await self._wake.wait()

    def _start_due(self) -> Iterator[float]:
        """Starts the transfers that are due, one in a step; yields in how many seconds others may be."""
        now_s = self.unix_s()
        if not self.coordination.is_leading:
            return
        for rollout in self.store.running:
            for target in rollout.waiting(now_s):
                if len(self._transfers) >= self.limits.at_once:
                    return  # The end of one of them wakes the task.
                yield self._start_if_due(rollout, target)
            hold_s = rollout.due_s(now_s)
            yield math.inf if hold_s is None else hold_s

    def _start_if_due(self, rollout: Rollout, target: Target) -> float:
        """Starts a board that is online; returns in how many seconds it may be tried again. The look took a while."""
        is_away = self.hub.program_of(target.device) is None
        if target.state != "waiting" or is_away or target.device in self._transfers:
            return math.inf
        left_s = max(0.0, self._not_before.get(target.device, 0.0) - time.monotonic())
        if not left_s:
            self._start(rollout, target)
        return left_s or math.inf

    def _start(self, rollout: Rollout, target: Target) -> None:
        program = self.hub.program_of(target.device) or {}
        is_good = target.counter == self.settled.get(target.device)
        if target.counter and (is_good or target.counter in (program.get("counter"), program.get("failed"))):
            # It took the update, and its answer was lost.
            self.change(rollout, target, "trial")
            self.change(rollout, target, "good") if is_good else self.look_at(target.device)
            return
        if program.get("state") == "trial" and self.settled.get(target.device) != program.get("counter"):
            # Settled first; the board tells when it is.
            return
        key = self.store.key_of(target.device)
        if not program or not program.get("has_key") or key is None:
            self.change(rollout, target, "refused", NO_KEY if program else NO_LOADER)
            return
        least = max(program.get("counter", 0), program.get("failed", 0), self._least.get(target.device, 0))
        if target.counter <= least:
            target.counter = self.store.next_counter(target.device, least, self.unix_s())
        self.change(rollout, target, "transferring")
        self._transfers[target.device] = asyncio.create_task(self._transfer(rollout, target, key, program))

    # One transfer

    async def _transfer(self, rollout: Rollout, target: Target, key: bytes, program: dict[str, Any]) -> None:
        link = self.links.find(target.device)
        try:
            kind = self.hub.kind_of(target.device) or ""
            counter = target.counter
            await self.coordination.keep(target.device, rollout.number)
            if (target.state, target.counter) != ("transferring", counter):
                return  # Another gateway leads meanwhile.
            await self.coordination.fetch(self.store.releases[rollout.release])
            update, why_source = await self._forms.make(rollout, target, key, kind, program)
            if why_source:
                self.change(rollout, target, "transferring", why_source)
            transfer = self._sent[target.device] = Transfer(update, self.store.read_file)
            step: dict[str, Any] | None = transfer.start()
            while step is not None:
                step = transfer.receive(await self._ask(target.device, step))
            self.change(rollout, target, "trial", why_source)
            if self.links.find(target.device) != link and self.hub.program_of(target.device) is not None:
                self.look_at(target.device)  # It came back before its last answer did.
            if self.settled.get(target.device) == target.counter:  # It said so right behind its last answer.
                self.change(rollout, target, "good")
        except (AwayError, TransferError, OSError) as error:
            if self.coordination.is_leading:  # Else the one that does goes on.
                self._fail(rollout, target, error)
        finally:
            self._transfers.pop(target.device, None)
            self._sent.pop(target.device, None)
            self.wake()

    def _fail(self, rollout: Rollout, target: Target, error: Exception) -> None:
        if isinstance(error, AwayError) or (isinstance(error, TransferError) and error.counter == target.counter):
            # A link that is about to end is still listed for a moment; so is that of a board that has just taken it.
            least_s = error.least_s if isinstance(error, AwayError) else 0.0
            self._not_before[target.device] = time.monotonic() + max(AGAIN_S, least_s)
            self.change(rollout, target, "waiting", str(error))
            return
        target.tries += 1
        target.counter = 0
        if isinstance(error, TransferError) and error.counter:
            # Of another gateway, or of one whose data is lost.
            self._least[target.device] = error.counter
        penalty_s = self.limits.retry_s * 2 ** (target.tries - 1)
        self._not_before[target.device] = time.monotonic() + penalty_s
        is_left_alone = target.tries >= self.limits.tries_max
        self.change(rollout, target, "refused" if is_left_alone else "waiting", with_remedy(str(error)))

    async def _ask(self, device: str, step: dict[str, Any]) -> dict[str, Any]:
        if self.hub.is_here(device):
            answer = await self.asking.ask(device, step)
        else:
            answer = await self.links.until_lost(device, self.coordination.ask(device, step))
        if not self.coordination.is_leading:
            raise AwayError("another gateway carries the rollout out")
        return answer
