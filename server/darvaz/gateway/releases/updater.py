"""Carries rollouts out: sends releases to boards that are here, and notes what becomes of them.

One task looks what is due, whenever something happened; a transfer is a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.releases.beginning import prepare, supersede_by_newer
from darvaz.gateway.releases.board_form import BoardForms
from darvaz.gateway.releases.conflicts import find_conflict, with_remedy
from darvaz.gateway.releases.manifest import ReleaseFile
from darvaz.gateway.releases.offers import Offer, offer_of
from darvaz.gateway.releases.reasons import NO_KEY, NO_LOADER, shown, was_restarted
from darvaz.gateway.releases.rollout import Rollout, RolloutPlan, Target, TargetState, UpdateLimits
from darvaz.gateway.releases.store import ProgramRelease, ReleaseStore
from darvaz.gateway.releases.transfer import Transfer, TransferError
from darvaz.protocol.codec import Message, MessageCodec
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.releases")

# A board hashes and copies meanwhile.
ANSWER_DEADLINE_S = 30.0
# After a link that ended in the middle.
AGAIN_S = 1.0
_IDS = 2**30


class _Away(Exception):
    """The link ended, or the board did not answer."""


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
        self._hub = hub
        self._bus = bus
        self._journal = journal
        self._protocol = protocol
        self._unix_s = unix_s
        self._long_work = LongWork()
        self._deploying = asyncio.Lock()  # Boards get the releases of several rollouts in the order of their numbers.
        self._ids = itertools.count(1)
        # By device and id: who waits for an answer.
        self._answers: dict[tuple[str, int], asyncio.Future[dict[str, Any]]] = {}
        self._transfers: dict[str, asyncio.Task[None]] = {}
        # What those tasks send, by device.
        self._sent: dict[str, Transfer] = {}
        # The counter that a board named as it refused an update.
        self._least: dict[str, int] = {}
        self._not_before: dict[str, float] = {}  # Monotonic seconds before which a board is not tried again.
        # The counter of the update that a board found good since it connected.
        self._settled: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.listeners: list[Callable[[Rollout | None, Target | None], None]] = []
        """Are called with a rollout that changed, and the board whose state did; with None twice for a new release."""

    # Its life

    def open(self) -> None:
        """Begins; what was under way when the gateway ended goes on."""
        self.store.delete_unused_files()
        self._bus.subscribe(["update_state"], self._receive)
        self._hub.on_presence(self._on_presence)
        for rollout in self.store.rollouts.values():
            for target in rollout.targets.values():
                if target.state == "transferring":
                    target.state = "waiting"
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends transfers; boards keep what they have of them."""
        tasks = [task for task in (self._task, *self._transfers.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What people ask for

    def add_release(self, name: str, author: str, files: list[ReleaseFile], micropython: str = "") -> ProgramRelease:
        """Lists a release whose files are written; no board gets it yet."""
        release = self.store.add_release(name, author, files, self._unix_s(), micropython)
        self._call_listeners(None, None)
        return release

    async def deploy(self, release: ProgramRelease, devices: list[str], plan: RolloutPlan, author: str) -> Rollout:
        """Begins a rollout; boards that wait for an older one wait for this one."""
        async with self._deploying:
            rollout = self.store.new_rollout(release.number, plan, author, self._unix_s())
            await self._long_work.collect(self._prepare(rollout, devices))
            return self._begin(rollout)

    def _prepare(self, rollout: Rollout, devices: list[str]) -> Iterator[None]:
        here = {device for device in devices if self._hub.program_of(device) is not None}
        return prepare(self.store, rollout, devices, here, self._change, self._settled)

    def _begin(self, rollout: Rollout) -> Rollout:
        self.store.list_rollout(rollout)
        supersede_by_newer(self.store, rollout, self._change)
        self._tell(rollout, "begins")
        self._wake.set()
        return rollout

    def set_state(self, rollout: Rollout, state: str) -> None:
        """Pauses, resumes or stops a rollout; what is under way on a board comes to its end."""
        if state == "running":
            rollout.resume()
        else:
            rollout.state, rollout.reason = state, ""  # type: ignore[assignment]
        self.store.keep_rollout(rollout)
        self._tell(rollout, state)
        self._wake.set()

    def offer(self, device: str) -> Offer | None:
        """Returns which release there is for a board, beside what it runs; None if there is none, or it is away."""
        return offer_of(self.store, device, self._hub.program_of(device), self._unix_s())

    def install_newest(self, device: str, author: str) -> bool:
        """Gives a board the newest release of its program; returns False if there is none, or it gets one already."""
        offer = self.offer(device)
        if offer is None or offer.is_under_way:
            return False
        self._journal.record(device, None, author, "=", "update requested", f"release {offer.newest}")
        rollout = self.store.new_rollout(offer.release.number, RolloutPlan(), author, self._unix_s())
        list(self._prepare(rollout, [device]))
        self._begin(rollout)
        return True

    def percent(self, device: str) -> float | None:
        """Returns how much of a release a board has received; None if it receives none."""
        transfer = self._sent.get(device)
        return None if transfer is None else transfer.percent

    # What happens

    def _on_presence(self, device: str, is_connected: bool) -> None:
        if not is_connected:
            for (of, _), answer in list(self._answers.items()):
                if of == device and not answer.done():
                    answer.set_exception(_Away("the link ended"))
        else:
            self._look_at(device)
        self._wake.set()

    def _look_at(self, device: str) -> None:
        """Compares what a board that came says about its program with what is known."""
        program = self._hub.program_of(device) or {}
        conflict = find_conflict(self.store, self._journal, device, self._hub.kind_of(device), program)
        for rollout, target in self._targets_of(device, "trial"):
            if program.get("failed") == target.counter or (
                program.get("counter") == target.counter and program.get("state") == "safe_mode"
            ):
                reason = program.get("reason") or "it did not become good"
                if rollout.plan.once and was_restarted(reason):
                    self._change(rollout, target, "ended")
                else:
                    self._change(rollout, target, "fell_back", reason)
            elif conflict:
                self._change(rollout, target, "refused", conflict)
            elif program.get("counter") != target.counter:
                # The board was flashed meanwhile, or its commit did not reach the flash.
                self._change(rollout, target, "waiting")
            elif program.get("state") == "good":
                self._change(rollout, target, "good")

    def _receive(self, type_: str, device: str | None, message: Message, happened_s: float) -> None:
        answer = msgspec.to_builtins(message)
        waiting = self._answers.pop((device or "", answer.get("id", 0)), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
        elif answer.get("state") == "good":
            self._settled[device or ""] = answer.get("counter", 0)
            self._hub.note_program(device or "", "good")
            self._bus.publish_presence(device or "")
            for rollout, target in self._targets_of(device or "", "trial"):
                if target.counter == answer.get("counter"):
                    self._change(rollout, target, "good")
            self._wake.set()

    def _targets_of(self, device: str, state: TargetState) -> list[tuple[Rollout, Target]]:
        found = [(rollout, rollout.targets.get(device)) for rollout in self.store.rollouts.values()]
        return [(rollout, target) for rollout, target in found if target is not None and target.state == state]

    def _change(self, rollout: Rollout, target: Target, state: TargetState, reason: str = "") -> None:
        target.state, target.reason = state, shown(reason)
        target.changed_s = self._unix_s()
        self.store.keep_target(rollout, target)
        text = f"release {rollout.release}, rollout {rollout.number}: {state} {target.reason}".rstrip()
        self._journal.record(target.device, self._hub.kind_of(target.device), "", "=", "update", text)
        log.info("= %s %s", target.device, text)
        self._call_listeners(rollout, target)
        self._conclude(rollout)

    def _conclude(self, rollout: Rollout) -> None:
        before = rollout.state
        rollout.conclude()
        if rollout.state != before:
            self.store.keep_rollout(rollout)
            self._tell(rollout, f"{rollout.state} {rollout.reason}".rstrip())

    def _tell(self, rollout: Rollout, text: str) -> None:
        line = f"rollout {rollout.number} of release {rollout.release}: {text}"
        self._journal.record(None, None, "", "=", "rollout", line)
        log.info("= %s", line)
        self._call_listeners(rollout, None)

    def _call_listeners(self, rollout: Rollout | None, target: Target | None) -> None:
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
            wait_s = min(await self._long_work.collect(self._start_due()), default=math.inf)
            # Else a hold is over, or a board may be tried again.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if wait_s == math.inf else wait_s + 0.01):
                    await self._wake.wait()

    def _start_due(self) -> Iterator[float]:
        """Starts the transfers that are due, one in a step; yields in how many seconds others may be."""
        now_s = self._unix_s()
        for rollout in [rollout for rollout in self.store.rollouts.values() if rollout.state == "running"]:
            for target in rollout.waiting(now_s):
                if len(self._transfers) >= self.limits.at_once:
                    return  # The end of one of them wakes the task.
                yield self._start_if_due(rollout, target)
            hold_s = rollout.due_s(now_s)
            yield math.inf if hold_s is None else hold_s

    def _start_if_due(self, rollout: Rollout, target: Target) -> float:
        """Starts a board that is here; returns in how many seconds it may be tried again. The look took a while."""
        is_here = self._hub.program_of(target.device) is not None
        if target.state != "waiting" or not is_here or target.device in self._transfers:
            return math.inf
        left_s = max(0.0, self._not_before.get(target.device, 0.0) - time.monotonic())
        if not left_s:
            self._start(rollout, target)
        return left_s or math.inf

    def _start(self, rollout: Rollout, target: Target) -> None:
        program = self._hub.program_of(target.device) or {}
        if target.counter and target.counter in (program.get("counter"), program.get("failed")):
            # It took the update, and its answer was lost.
            self._change(rollout, target, "trial")
            self._look_at(target.device)
            return
        if program.get("state") == "trial" and self._settled.get(target.device) != program.get("counter"):
            # Settled first; the board tells when it is.
            return
        key = self.store.key_of(target.device)
        if not program or not program.get("has_key") or key is None:
            self._change(rollout, target, "refused", NO_KEY if program else NO_LOADER)
            return
        least = max(program.get("counter", 0), program.get("failed", 0), self._least.get(target.device, 0))
        if target.counter <= least:
            target.counter = self.store.next_counter(target.device, least, self._unix_s())
        self._change(rollout, target, "transferring")
        task = asyncio.create_task(self._transfer(rollout, target, key, program))
        self._transfers[target.device] = task

    # One transfer

    async def _transfer(self, rollout: Rollout, target: Target, key: bytes, program: dict[str, Any]) -> None:
        try:
            kind = self._hub.kind_of(target.device) or ""
            update, why_source = await self._forms.make(rollout, target, key, kind, program)
            if why_source:
                self._change(rollout, target, "transferring", why_source)
            transfer = self._sent[target.device] = Transfer(update, self.store.read_file)
            step: dict[str, Any] | None = transfer.start()
            while step is not None:
                step = transfer.receive(await self._ask(target.device, step))
            self._change(rollout, target, "trial", why_source)
            if self._settled.get(target.device) == target.counter:  # It said so right behind its last answer.
                self._change(rollout, target, "good")
        except _Away as error:
            # A link that is about to end is still listed for a moment.
            self._not_before[target.device] = time.monotonic() + AGAIN_S
            self._change(rollout, target, "waiting", str(error))
        except (TransferError, OSError) as error:
            self._fail(rollout, target, error)
        finally:
            self._transfers.pop(target.device, None)
            self._sent.pop(target.device, None)
            self._wake.set()

    def _fail(self, rollout: Rollout, target: Target, error: Exception) -> None:
        target.tries += 1
        target.counter = 0
        if isinstance(error, TransferError) and error.counter:
            # Of another gateway, or of one whose data is lost.
            self._least[target.device] = error.counter
        penalty_s = self.limits.retry_s * 2 ** (target.tries - 1)
        self._not_before[target.device] = time.monotonic() + penalty_s
        is_left_alone = target.tries >= self.limits.tries_max
        self._change(rollout, target, "refused" if is_left_alone else "waiting", with_remedy(str(error)))

    async def _ask(self, device: str, step: dict[str, Any]) -> dict[str, Any]:
        identity = next(self._ids) % _IDS
        message = self._protocol.check("update", {"id": identity, **step})
        if isinstance(message, Fault):
            raise TransferError(message.message)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[device, identity] = answer
        try:
            if not self._hub.send_message(device, message):
                raise _Away("the board is away")
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                return await answer
        except TimeoutError:
            raise _Away(f"the board did not answer within {ANSWER_DEADLINE_S:g} s") from None
        finally:
            self._answers.pop((device, identity), None)
