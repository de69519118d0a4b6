"""This gateway as a node of a cluster: connects to NATS, again after each loss, and does there what is shared."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, Protocol

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from darvaz import __version__
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection, connected
from darvaz.gateway.cluster.ending import end_tasks
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.handing_over import hand_over
from darvaz.gateway.cluster.journal_receiver import JournalReceiver
from darvaz.gateway.cluster.journal_sender import KEPT_S, STREAM, SUBJECT, JournalSender, journal_id
from darvaz.gateway.cluster.leadership import ROLLOUTS_BUCKET
from darvaz.gateway.cluster.missed_from_stream import MissedFromStream
from darvaz.gateway.cluster.node_states import states_of
from darvaz.gateway.cluster.nodes import DEAD_S, HEARTBEAT_S, Heartbeat, LivingNodes
from darvaz.gateway.cluster.numbered_events import NumberedEvents
from darvaz.gateway.cluster.opening import AGAIN_S, Opening
from darvaz.gateway.cluster.options import ClusterOptions
from darvaz.gateway.cluster.release_files import FILES_BUCKET
from darvaz.gateway.cluster.shared_clock import SharedClock
from darvaz.gateway.cluster.shared_events import SharedEvents
from darvaz.gateway.cluster.shared_frames import SharedFrames
from darvaz.gateway.cluster.shared_gifts import DEVICES_BUCKET, SharedGifts
from darvaz.gateway.cluster.shared_limits import SharedLimits, added_up, busiest
from darvaz.gateway.cluster.shared_links import LINKS_BUCKET, SharedLinks
from darvaz.gateway.cluster.shared_rollouts import SharedRollouts
from darvaz.gateway.cluster.shared_tables import ACCESS_BUCKET, SharedTables
from darvaz.gateway.cluster.write_queue import WriteQueue
from darvaz.gateway.cluster_state import ClusterState
from darvaz.gateway.parts import Parts

log = logging.getLogger("darvaz.cluster")

NODES_BUCKET = "dv_nodes"
# The entry of a dead gateway is deleted by the server.
_NODES_TTL_S = 2 * DEAD_S
_RETRY_S = 0.5
# A connection that was there for this long is made again at once.
_LASTING_S = 5.0
_CLOSE_DEADLINE_S = 2.0
_REMARK = "cluster"
_HEARTBEAT = msgspec.json.Decoder(Heartbeat)


class _Share(Protocol):
    """Something that all gateways share, in a bucket of its own."""

    follower: Follower

    @property
    def writes(self) -> WriteQueue[Any]: ...

    def reset(self) -> None:
        """Takes that the bucket is another one."""

    async def introduce(self) -> None:
        """Has the others know of what only this gateway knows; called once all entries are known here."""


class ClusterNode:
    """Keeps the gateway in the cluster while it is open. Used from the event loop only.

    Also the metrics of this.
    """

    def __init__(self, parts: Parts, options: ClusterOptions) -> None:
        self._parts = parts
        self._options = options
        self._started_s = time.time()
        self._nodes = LivingNodes(options.node, time.monotonic())
        self._following = Follower(NODES_BUCKET, self._hear_node)
        self._links = SharedLinks(parts, self._nodes)
        self._gifts = SharedGifts(parts)
        self._tables = SharedTables(parts)
        origin = journal_id(parts.tables)
        self._rollouts = SharedRollouts(parts, origin, self._nodes, self._tables, self._links.moves)
        self._numbered = NumberedEvents(parts, origin, options.node.rpartition("-")[2])
        self._clock = SharedClock(parts.access_clock)
        self._events = SharedEvents(parts, self._nodes, self._numbered, self._clock)
        self._limits = SharedLimits(parts, options.node)
        self._journal_out = JournalSender(parts, origin, options.name, self._clock)
        self._journal_in = JournalReceiver(parts, origin, self._numbered.positions, self._clock)
        self._frames = SharedFrames(parts, options.node, self._links.find)
        self._shares: tuple[tuple[str, _Share], ...] = (
            (LINKS_BUCKET, self._links), (DEVICES_BUCKET, self._gifts), (ACCESS_BUCKET, self._tables),
        )  # fmt: skip
        self._opening = Opening(parts.remarks)
        self._connection: NatsConnection | None = None
        # Whether the others were told over this connection what only this gateway knew.
        self._is_introduced = False
        self._connections = 0
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begins to connect; the gateway serves its boards meanwhile."""
        self._parts.remarks[_REMARK] = "the cluster is not reached: it is not connected yet"
        self._links.open()
        self._gifts.open()
        self._tables.open()
        self._rollouts.open()
        self._numbered.open()
        self._events.open()
        self._parts.events.order = self._numbered
        self._parts.missed = MissedFromStream(
            self._parts, self._numbered.positions, lambda: self._connection, self._nodes.has_journal,
            self._journal_out.flush,
        )  # fmt: skip
        self._limits.open()
        self._journal_out.open()
        self._frames.open()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Tells the others that this gateway ends, and ends the connection."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(ClusterError, TimeoutError):
                async with asyncio.timeout(_CLOSE_DEADLINE_S):
                    await connection.delete(NODES_BUCKET, self._options.node)
        if self._task is not None:
            await end_tasks([self._task])
        await self._links.close()
        await self._rollouts.close()
        self._tables.close()
        self._events.close()
        self._numbered.close()
        await self._frames.close()

    # What others ask

    def state(self) -> ClusterState:
        """Returns the gateways that live."""
        leader, term = self._rollouts.leader
        nodes = states_of(self._nodes, leader, time.monotonic())
        remark = self._parts.remarks.get(_REMARK) or self._opening.remark
        return ClusterState(
            state="away" if remark else "ok", detail=remark, nodes=nodes,
            rollouts_term=term if any(node.carries_out for node in nodes) else 0,
        )  # fmt: skip

    @property
    def connection(self) -> NatsConnection | None:
        """Returns the connection to NATS, None while there is none."""
        return self._connection

    @property
    def is_settled(self) -> bool:
        """Whether all that this gateway has to say is written, at this moment."""
        return self._is_introduced and not any(len(share.writes) for _, share in self._shares)

    async def wait_until_shared(self, deadline_s: float) -> bool:
        """Returns whether the cluster has what was changed here by people; waits for that until the deadline."""
        if not self._is_introduced:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                for share in (self._tables, self._gifts):
                    await share.writes.wait_until_written()
                return True
        return False

    @property
    def is_leaving(self) -> bool:
        """Whether `hand_over` has begun."""
        return self._links.moves.is_handing_over

    async def hand_over(self) -> None:
        """Has the boards of this gateway go to others, if there are any: it is about to stop."""
        if self._is_introduced and self._nodes.has_others:
            await hand_over(self._parts, self._links, self._journal_out)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yields the metrics."""
        is_sure = self._nodes.is_sure(time.monotonic())
        yield GaugeMetricFamily("darvaz_cluster_up", "Whether the other gateways are known.", value=is_sure)
        nodes = len(self._nodes.items())
        yield GaugeMetricFamily("darvaz_cluster_nodes", "Gateways that live, this one too.", value=nodes)
        times = self._connections
        yield CounterMetricFamily("darvaz_cluster_connections", "Connections to NATS since the start.", value=times)
        waiting = sum(len(share.writes) for _, share in self._shares)
        yield GaugeMetricFamily("darvaz_cluster_waiting", "Changes that NATS has not acknowledged.", value=waiting)
        dropped = self._events.dropped
        yield CounterMetricFamily("darvaz_cluster_events_dropped", "Messages that others did not get.", value=dropped)

    # One connection after another

    async def _run(self) -> None:
        while True:
            began_s = time.monotonic()
            try:
                async with connected(self._options) as connection:
                    self._connections += 1
                    await self._serve(connection)
            except ClusterError as error:
                self._note_loss(str(error))
            except Exception:
                # An error of ours must not take the boards of this gateway from the others for good.
                log.exception("= the connection to the cluster failed")
                self._note_loss("an error; the log of the gateway says more")
            finally:
                self._connection = None
            # The other servers are there at once where one has died; what ends again and again waits.
            await asyncio.sleep(_RETRY_S if time.monotonic() - began_s < _LASTING_S else 0.0)
            self._bury()

    async def _serve(self, connection: NatsConnection) -> None:
        """Does what is shared until the connection is lost, which raises `ClusterError`.

        Commands need no more than NATS itself: they go on while leaders of buckets and streams are chosen.
        """
        await self._links.commands.listen(connection)
        await self._links.snapshots.listen(connection)
        self._connection = connection
        self._links.begin(connection)
        if self._connections > 1:
            # What others sent meanwhile was heard by nobody here.
            self._parts.events.tell_gap()
        tasks = [asyncio.get_running_loop().create_task(job) for job in self._jobs(connection)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._is_introduced = False
            self._parts.link_counts.elsewhere = {}
            self._links.begin(None)
            await end_tasks(tasks)
            self._opening.end()

    def _jobs(self, connection: NatsConnection) -> Iterator[Coroutine[Any, Any, None]]:
        """Yields what is done beside each other over a connection, each until the connection is lost."""
        known = {bucket: asyncio.Event() for bucket in (NODES_BUCKET, *(bucket for bucket, _ in self._shares))}
        rollouts = asyncio.Event()
        yield self._watch(connection)
        yield self._beat(connection)
        follow, following = self._opening.follow, self._following
        yield follow(connection, NODES_BUCKET, following, following.restart, known[NODES_BUCKET], _NODES_TTL_S)
        for bucket, share in self._shares:
            yield follow(connection, bucket, share.follower, share.reset, known[bucket])
        yield self._tables.take_over()
        yield self._events.send(connection)
        yield self._frames.run(connection)
        yield self._links.prompts.run(connection)
        yield self._limits.run(connection)
        yield self._run_rollouts(connection, rollouts)
        yield self._run_journal(connection)
        yield self._write(connection, [*known.values(), rollouts])

    async def _run_rollouts(self, connection: NatsConnection, are_open: asyncio.Event) -> None:
        for bucket in (ROLLOUTS_BUCKET, FILES_BUCKET):
            await self._opening.until_done(connection, bucket, functools.partial(connection.open_bucket, bucket))
        are_open.set()
        await self._rollouts.run(connection)

    async def _run_journal(self, connection: NatsConnection) -> None:
        created = await self._opening.until_done(
            connection, STREAM, lambda: connection.open_stream(STREAM, f"{SUBJECT}.*", KEPT_S)
        )
        self._journal_in.begin(created)
        await asyncio.gather(self._journal_out.run(connection), self._journal_in.run(connection))

    async def _write(self, connection: NatsConnection, known: Iterable[asyncio.Event]) -> None:
        """Writes what this gateway has to say, once it knows what the others said."""
        for event in known:
            await event.wait()
        for _, share in self._shares:
            await share.introduce()
        await self._opening.until_done(connection, ROLLOUTS_BUCKET, lambda: self._rollouts.introduce(connection))
        self._is_introduced = True
        await asyncio.gather(*(share.writes.run(connection) for _, share in self._shares))

    async def _watch(self, connection: NatsConnection) -> None:
        await connection.lost.wait()
        raise ClusterError(f"the connection to {connection.server} is lost")

    async def _beat(self, connection: NatsConnection) -> None:
        """Writes heartbeats, and looks who is silent."""
        while True:
            beat = Heartbeat(
                name=self._options.name, version=__version__, started_s=self._started_s,
                devices_online=self._parts.hub.online_here, networks=busiest(self._parts.link_counts),
                journal=self._numbered.journal, clock_ahead_s=self._clock.ahead_s,
                read=self._journal_in.follower.revision, term=self._rollouts.own_term,
                is_failing=bool(self._parts.failures),
            )  # fmt: skip
            # While a leader is chosen, nothing is written; others count no silence meanwhile.
            is_written = False
            with contextlib.suppress(ClusterError):
                await connection.put(
                    NODES_BUCKET, self._options.node, msgspec.json.encode(beat), deadline_s=HEARTBEAT_S
                )
                is_written = True
            self._bury()
            self._parts.link_counts.elsewhere = added_up(each.networks for each in self._nodes.others())
            await asyncio.sleep(HEARTBEAT_S if is_written else AGAIN_S)

    # Who lives

    def _hear_node(self, entry: BucketEntry) -> None:
        if entry.value is None:
            if self._nodes.end(entry.key):
                log.info("= the gateway %s of the cluster has ended", entry.key)
                self._links.tell_of(entry.key, is_alive=False)
                self._rollouts.look_soon()
            return
        beat = _decode(entry)
        if beat is not None and self._nodes.hear(entry.key, beat, time.monotonic(), entry.stored_s):
            log.info("= the gateway %s of the cluster is here", entry.key)
            self._links.tell_of(entry.key, is_alive=True)
        if entry.key == self._options.node:
            self._clock.hear(entry.stored_s)
            self._bury()
            if self._parts.remarks.pop(_REMARK, None) is not None:
                log.info("= the cluster is reached as %s", self._options.node)

    def _bury(self) -> None:
        now_s, is_connected = time.monotonic(), self._connection is not None
        if is_connected and self._nodes.is_stalled(now_s):
            self._note_loss("NATS stores nothing: are most of its servers up?")
        for node in self._nodes.take_dead(now_s, is_connected=is_connected):
            if node != self._options.node:
                log.warning("= the gateway %s of the cluster is silent", node)
                self._links.tell_of(node, is_alive=False)
                self._rollouts.look_soon()

    def _note_loss(self, reason: str) -> None:
        text = f"the cluster is not reached: {reason}"
        if self._parts.remarks.get(_REMARK) != text:
            log.warning("= %s; it is tried again", text)
        self._parts.remarks[_REMARK] = text


def _decode(entry: BucketEntry) -> Any:
    """Returns the heartbeat of an entry, or None for one that a later version may understand."""
    try:
        return _HEARTBEAT.decode(entry.value or b"")
    except msgspec.ValidationError as error:
        log.warning("= the entry %s of the cluster is not understood: %s", entry.key, error)
        return None
