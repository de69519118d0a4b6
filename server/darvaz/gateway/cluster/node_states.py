"""The gateways that live as people see them: what they are, which one carries rollouts out, how their stores are."""

from __future__ import annotations

from typing import Literal

from darvaz.gateway.cluster.nodes import Heartbeat, LivingNodes
from darvaz.gateway.cluster_state import ClusterNodeState

# Heartbeats are a second old, and a busy gateway writes some batches in that time.
LACKS_MIN = 100


def states_of(nodes: LivingNodes, leader: str | None, now_s: float) -> list[ClusterNodeState]:
    """Returns the state of each, by name; `leader` carries rollouts out."""
    newest = max((each.heartbeat.read or 0 for _, each in nodes.items()), default=0)
    return [
        ClusterNodeState(
            id=node, name=each.heartbeat.name, version=each.heartbeat.version, started=each.heartbeat.started_s,
            devices_online=each.heartbeat.devices_online, is_this=node == nodes.own,
            silent_s=round(now_s - each.last_s, 3), carries_out=node == leader,
            stores=_store_of(each.heartbeat, newest), store_lacks=_lacks(each.heartbeat, newest),
        )
        for node, each in nodes.items()
    ]  # fmt: skip


def _lacks(beat: Heartbeat, newest: int) -> int:
    lacks = 0 if beat.read is None else newest - beat.read
    return lacks if lacks >= LACKS_MIN else 0


def _store_of(beat: Heartbeat, newest: int) -> Literal["ok", "behind", "failing", "unknown"]:
    if beat.is_failing:
        return "failing"
    if beat.read is None:
        return "unknown"
    return "behind" if _lacks(beat, newest) else "ok"
