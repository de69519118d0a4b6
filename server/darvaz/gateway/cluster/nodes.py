"""Which gateways of the cluster live, by their heartbeats; has no clock and no I/O.

A heartbeat is an entry of a bucket. This gateway reads its own there as well: while that does not come back, nothing
is known of the others, and their silence proves nothing. Times are monotonic seconds of this gateway, so that a
difference between the clocks of two machines does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

HEARTBEAT_S = 1.0
# Longer than NATS needs to choose a new leader, so that its loss alone makes nobody dead.
DEAD_S = 8.0
# Without an own heartbeat for this long, the silence of others is not counted.
_DOUBT_S = 3.0
# While NATS is reached and stores nothing, the others are as they were for this long: commands still reach them.
STALLED_S = 30.0


class Heartbeat(msgspec.Struct, kw_only=True):
    """What a gateway says of itself."""

    name: str
    version: str
    started_s: float
    devices_online: int
    networks: dict[str, int] = {}
    """The networks with most links there, with how many these are; earlier versions tell of none."""
    journal: str = ""
    """Which of the journals in the stream is its own; empty from earlier versions."""
    clock_ahead_s: float = 0.0
    """By how much the clock of NATS is ahead of its own; 0 from earlier versions."""
    read: int | None = None
    """The newest message of the stream of journals that it took over; None from earlier versions."""
    term: int = 0
    """In which it carries rollouts out; 0 where it does not, and from earlier versions."""
    is_failing: bool = False
    """Whether its disk does not take what it writes."""


@dataclass(slots=True)
class LivingNode:
    """One gateway that lives."""

    heartbeat: Heartbeat
    last_s: float
    """When its newest heartbeat came; when it was stored, if it lay in the bucket before this gateway was there."""
    stored_s: float
    """When NATS stored it, in Unix seconds of its clock."""


class LivingNodes:
    """The gateways that live, this one too once its own heartbeat has come back."""

    def __init__(self, own: str, now_s: float) -> None:
        self.own = own
        self._nodes: dict[str, LivingNode] = {}
        # When the own heartbeat came last; at first, when it began to be waited for.
        self._proof_s = now_s

    def __contains__(self, node: str) -> bool:
        return node in self._nodes

    def others(self) -> list[Heartbeat]:
        """Returns the newest heartbeat of each other gateway."""
        return [node.heartbeat for name, node in self._nodes.items() if name != self.own]

    def clock_ahead_s(self, node: str) -> float:
        """Returns by how much the clock of NATS is ahead of that of a gateway; 0 of one that is not known."""
        found = self._nodes.get(node)
        return 0.0 if found is None else found.heartbeat.clock_ahead_s

    def term_of(self, node: str) -> int:
        """Returns in which term a gateway carries rollouts out, as it said last; 0 if it said nothing of that."""
        found = self._nodes.get(node)
        return 0 if found is None else found.heartbeat.term

    @property
    def newest_term(self) -> int:
        """Returns the newest term that any gateway has told of."""
        return max((node.heartbeat.term for node in self._nodes.values()), default=0)

    def has_journal(self, journal: str) -> bool:
        """Returns whether a gateway that lives has a journal."""
        return any(node.heartbeat.journal == journal for node in self._nodes.values())

    @property
    def has_others(self) -> bool:
        return len(self._nodes) > 1

    def items(self) -> list[tuple[str, LivingNode]]:
        """Returns all that live, by name."""
        return sorted(self._nodes.items(), key=lambda item: (item[1].heartbeat.name, item[0]))

    def is_sure(self, now_s: float) -> bool:
        """Returns whether what is known of the others is recent: the own heartbeat came back lately."""
        return self.own in self._nodes and now_s - self._proof_s <= DEAD_S

    def is_proven(self, now_s: float, within_s: float) -> bool:
        """Returns whether the own heartbeat came back within these seconds."""
        return self.own in self._nodes and now_s - self._proof_s <= within_s

    def hear(self, node: str, heartbeat: Heartbeat, now_s: float, stored_s: float = 0.0) -> bool:
        """Takes a heartbeat, and when NATS stored it; returns whether the gateway was not known to live."""
        if node == self.own:
            if now_s - self._proof_s > _DOUBT_S:
                # While nothing came back, that of the others did not come either.
                for other in self._nodes.values():
                    other.last_s = now_s
            self._proof_s = now_s
        is_new = node not in self._nodes
        if is_new and node == self.own:
            # A gateway that was killed lies in the bucket for some time.
            for other in self._nodes.values():
                other.last_s = min(other.last_s, now_s - (stored_s - other.stored_s))
        self._nodes[node] = LivingNode(heartbeat, now_s, stored_s)
        return is_new

    def end(self, node: str) -> bool:
        """Takes that a gateway has ended in order; returns whether it was known to live."""
        return self._nodes.pop(node, None) is not None

    def is_stalled(self, now_s: float) -> bool:
        """Returns whether the own heartbeat has not come back for too long."""
        return now_s - self._proof_s > DEAD_S

    def take_dead(self, now_s: float, *, is_connected: bool = True) -> list[str]:
        """Returns the gateways that were silent for too long, which are not known any more.

        Where the own heartbeat does not come back, these are none at first, and then all.
        """
        doubt_s = now_s - self._proof_s
        is_cut_off = doubt_s > (STALLED_S if is_connected else DEAD_S)
        if doubt_s > _DOUBT_S and not is_cut_off:
            return []
        dead = [node for node, each in self._nodes.items() if is_cut_off or now_s - each.last_s > DEAD_S]
        for node in dead:
            del self._nodes[node]
        return dead
