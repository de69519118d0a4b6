"""Releases and rollouts of all gateways: one of them carries all out, whatever gateway people ask; each knows all rows.

The rows come with those about access. What people ask goes to the gateway that leads. It has each update written down
before the board hears of it, so that the next one, if it dies, goes on with the same update and makes no second one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from nats.aio.msg import Msg

from darvaz.gateway.cluster.answering import Answering
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection, OutdatedError
from darvaz.gateway.cluster.leadership import ROLLOUTS_BUCKET, Leadership
from darvaz.gateway.cluster.merging import NUMBERED_TABLES
from darvaz.gateway.cluster.moves import Moves
from darvaz.gateway.cluster.nodes import LivingNodes
from darvaz.gateway.cluster.release_files import ReleaseFiles
from darvaz.gateway.cluster.remote_updates import RemoteUpdates
from darvaz.gateway.cluster.shared_tables import ACCESS_BUCKET, SharedTables
from darvaz.gateway.long_work import WorkQueue
from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.orders import AddRelease, Order, OrderError
from darvaz.gateway.releases.store import ProgramRelease

log = logging.getLogger("darvaz.cluster")

SUBJECT = "dv.orders"
# Of other gateways, that are being carried out.
ORDERS_MAX = 64
# How long a gateway that leads is waited for: longer than it takes until a dead one is replaced.
LEADER_S = 15.0
_ORDER_S = 15.0
_CAUGHT_UP_S = 10.0
_PROGRAMS_EVERY_S = 5.0
_LOOK_S = 0.01
_FIRST = "first"
_NOBODY = "no gateway of the cluster carries rollouts out at the moment: is NATS reached? Try again"
_PROGRAM_TABLES = ("releases", "rollouts", "rollout_targets")


class OrderAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The number of what is new, and up to which revision others must have taken over; or why it was not done."""

    number: int = 0
    revision: int = 0
    error: str = ""
    is_other: bool = False
    """Whether this gateway does not lead, and has done nothing."""


_ORDER = msgspec.msgpack.Decoder(Order)
_ANSWER = msgspec.msgpack.Decoder(OrderAnswer)


class SharedRollouts:
    """Implements `Coordination`. Used from the event loop only."""

    def __init__(self, parts: Parts, origin: str, nodes: LivingNodes, tables: SharedTables, moves: Moves) -> None:
        self._parts = parts
        # Of this data folder, whatever the start.
        self._origin = origin.encode()
        self._nodes = nodes
        self._tables = tables
        self._moves = moves
        self._files = ReleaseFiles(parts.updater.store)
        self._leadership = Leadership(nodes, self._may_lead, self._catch_up)
        self._leadership.on_change = self._change
        self.remote = RemoteUpdates(parts, nodes.own, self._leadership)
        self._connection: NatsConnection | None = None
        self._is_introduced = False
        # Rows that were taken over, and are not looked at yet.
        self._taken: list[tuple[str, str]] = []
        self._looks = WorkQueue()
        # How many of its pieces are not done.
        self._looking = 0
        busy = msgspec.msgpack.encode(OrderAnswer(error=f"{ORDERS_MAX} requests about rollouts wait already"))
        self._answering = Answering("an answer", ORDERS_MAX, busy, self._answer)

    def open(self) -> None:
        """Has the gateway carry rollouts out with the others from now on."""
        self._parts.updater.coordination = self
        self._tables.on_taken = self._note_taken

    async def close(self) -> None:
        """Ends what is under way."""
        await self._answering.close()
        await self.remote.close()

    # Connections

    async def introduce(self, connection: NatsConnection) -> None:
        """Has the others know of the releases here where they have none; else those only known here are left out."""
        if any([await self._tables.unknown(table) for table in NUMBERED_TABLES]):
            if await self._is_first(connection):
                for release in self._parts.updater.store.releases.values():
                    await self._put_files(connection, release)
                for table in NUMBERED_TABLES:
                    await self._tables.introduce_all(table)
            else:
                await self._drop_unknown()
        self._is_introduced = True

    async def _is_first(self, connection: NatsConnection) -> bool:
        try:
            await connection.put(ROLLOUTS_BUCKET, _FIRST, self._origin, 0)
        except OutdatedError:
            # Also where it was killed before the others had all.
            return (await connection.get(ROLLOUTS_BUCKET, _FIRST))[0] == self._origin
        return True

    async def _put_files(self, connection: NatsConnection, release: ProgramRelease) -> None:
        try:
            await self._files.put(connection, release.files)
        except OSError as error:
            log.warning("= release %d is without its files: %s", release.number, error)

    async def _drop_unknown(self) -> None:
        dropped = {table: await self._tables.drop_unknown(table) for table in NUMBERED_TABLES}
        taken = [(table, key) for table, keys in dropped.items() for key in keys]
        self._looking += 1
        self._looks.add(self._look_at_each(taken))
        await self._looks.wait()
        if any(dropped.values()):
            log.warning(
                "= the cluster has releases and rollouts of its own: %d and %d that only this gateway had are left out",
                len(dropped["releases"]), len(dropped["rollouts"]),
            )  # fmt: skip

    async def run(self, connection: NatsConnection) -> None:
        """Takes part until it is cancelled."""
        await self.remote.listen(connection)
        await connection.listen(f"{SUBJECT}.{self._nodes.own}", self._answering.receive)
        self._connection = connection
        try:
            await asyncio.gather(
                self._leadership.run(connection), self._files.run(connection), self._look_for_good(connection)
            )
        finally:
            self._connection, self._is_introduced = None, False

    async def _look_for_good(self, connection: NatsConnection) -> None:
        while True:
            if self.is_leading:
                await self.remote.look_for_good(connection)
            await asyncio.sleep(_PROGRAMS_EVERY_S)

    # Who leads

    def look_soon(self) -> None:
        """Looks who leads: a gateway has ended, or is silent."""
        self._leadership.look_soon()

    @property
    def leader(self) -> tuple[str | None, int]:
        """Returns the gateway that carries rollouts out, as was seen last, and its term."""
        return self._leadership.leader, self._leadership.term

    @property
    def own_term(self) -> int:
        """Returns the term in which this gateway leads, 0 if it does not."""
        return self._leadership.own_term if self.is_leading else 0

    @property
    def is_leading(self) -> bool:
        """Implements `Coordination`."""
        return self._leadership.is_leading

    def _may_lead(self) -> bool:
        return self._is_introduced and not self._moves.is_handing_over

    async def _catch_up(self, connection: NatsConnection) -> bool:
        """Returns whether everything is known here that was written before this gateway was to lead."""
        revision = await connection.last_revision(ACCESS_BUCKET)
        return await self._until_taken(revision)

    async def _until_taken(self, revision: int) -> bool:
        end_s = time.monotonic() + _CAUGHT_UP_S
        # Nobody tells of each.
        while not self._has_taken(revision) and time.monotonic() < end_s:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        return self._has_taken(revision)

    def _has_taken(self, revision: int) -> bool:
        return self._tables.has_taken(revision) and not self._is_looking

    @property
    def _is_looking(self) -> bool:
        """Whether rows came that are not looked at yet."""
        return bool(self._taken) or self._looking > 0

    def _change(self, is_leading: bool) -> None:
        if is_leading:
            self._parts.updater.lead()
        else:
            self._parts.updater.follow()

    # What people ask

    async def order(self, order: Order) -> int:
        """Implements `Coordination`."""
        end_s = time.monotonic() + LEADER_S
        while time.monotonic() < end_s:
            connection = self._connection
            if connection is not None:
                answer = await self._try(connection, order)
                if answer is not None and answer.error:
                    raise OrderError(answer.error)
                if answer is not None and await self._until_taken(answer.revision):
                    return answer.number
                if answer is not None:
                    raise OrderError("it is done, and this gateway has not heard of it yet: look again")
            await asyncio.sleep(10 * _LOOK_S)
        raise OrderError(_NOBODY)

    async def _try(self, connection: NatsConnection, order: Order) -> OrderAnswer | None:
        """Returns the answer of the gateway that leads, or None if there is none yet: nothing was done then."""
        leader = self._leadership.leader
        try:
            if leader is None or leader not in self._nodes or (leader == self._nodes.own and not self.is_leading):
                return None
            if isinstance(order, AddRelease):
                await self._files.put(connection, order.files)
            if leader == self._nodes.own:
                return await self._carry_out(connection, order)
            data = await connection.request(f"{SUBJECT}.{leader}", msgspec.msgpack.encode(order), _ORDER_S)
            answer = None if data is None else _ANSWER.decode(data)
        except TimeoutError:
            return OrderAnswer(error=f"the gateway {leader} did not answer; it may still do what was asked")
        except (ClusterError, OSError, msgspec.DecodeError) as error:
            return OrderAnswer(error=f"the cluster does not answer as it should: {error}")
        return None if answer is None or answer.is_other else answer

    async def _answer(self, message: Msg) -> bytes:
        connection = self._connection
        try:
            order = _ORDER.decode(message.data)
            if connection is None or not self.is_leading:
                answer = OrderAnswer(is_other=True)
            else:
                answer = await self._carry_out(connection, order)
        except (ClusterError, OSError) as error:
            answer = OrderAnswer(error=str(error))
        except msgspec.DecodeError as error:
            answer = OrderAnswer(error=f"the gateway {self._nodes.own} is of another version: {error}")
        return msgspec.msgpack.encode(answer)

    async def _carry_out(self, connection: NatsConnection, order: Order) -> OrderAnswer:
        store = self._parts.updater.store
        before = dict(store.releases)
        if isinstance(order, AddRelease):
            # From there, so that everybody else can get them, too.
            await self._files.fetch(connection, order.files)
        try:
            number = await self._parts.updater.ordered.carry_out(order)
        except OrderError as error:
            return OrderAnswer(error=str(error))
        await self.keep_all()
        for dropped in before.keys() - store.releases.keys():
            await self._files.drop(connection, before[dropped].files)
        return OrderAnswer(number=number, revision=self._tables.newest)

    # What all gateways have

    async def keep(self, device: str, rollout: int) -> None:
        """Implements `Coordination`."""
        rows = (("rollout_targets", f"{rollout}/{device}"), ("update_keys", device))
        # Nobody tells of each.
        while self._is_looking or not all(self._tables.is_written(*row) for row in rows):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)

    async def keep_all(self) -> None:
        """Implements `Coordination`."""
        await self._tables.writes.wait_until_written()

    async def fetch(self, release: ProgramRelease) -> None:
        """Implements `Coordination`."""
        if self._connection is not None:
            try:
                await self._files.fetch_missing(self._connection, release.files)
            except ClusterError as error:
                raise OSError(str(error)) from None

    async def ask(self, device: str, step: dict[str, Any]) -> dict[str, Any]:
        """Implements `Coordination`."""
        return await self.remote.ask(self._connection, self._parts.hub.elsewhere.find(device), device, step)

    def _note_taken(self, table: str, key: str) -> None:
        if table not in _PROGRAM_TABLES:
            return
        if not self._taken:
            # Not before all rows are there that came together.
            asyncio.get_running_loop().call_soon(self._look_at_taken)
        self._taken.append((table, key))

    def _look_at_taken(self) -> None:
        taken, self._taken = self._taken, []
        self._looking += 1
        self._looks.add(self._look_at_each(taken))

    def _look_at_each(self, taken: list[tuple[str, str]]) -> Iterator[None]:
        """Takes rows as they are now, one in a step, and some boards of a rollout that is new here."""
        updater = self._parts.updater
        try:
            for table, key in taken:
                changed = updater.store.reload(table, key)
                if changed is not None:
                    updater.take_over(*changed)
                elif table == "releases":
                    self._files.want_all()
                    updater.call_listeners(None, None)
                yield
            for rollout in updater.store.load_steps():
                if rollout is not None:
                    updater.take_over(rollout, None)
                yield
        finally:
            self._looking -= 1
            updater.wake()
